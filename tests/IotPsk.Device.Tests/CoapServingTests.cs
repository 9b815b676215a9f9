using System.Text;
using IotPsk.Device.Tests.Support;
using IotPsk.Shared;
using static IotPsk.Device.Tests.Support.ScriptedMessages;

namespace IotPsk.Device.Tests;

/// <summary>Requests that come to a device (RFC 7252 s4.5, s5.2, s5.4), in virtual time.</summary>
public sealed class CoapServingTests : ICoapHandler
{
    private static readonly byte[] SomeToken = [1, 2, 3];
    private readonly FakeClock _clock = new();
    private readonly ScriptedMessages _wire;
    private readonly CoapClient _client;
    private readonly List<string> _handled = [];
    private Action<CoapExchange> _answer;

    public CoapServingTests()
    {
        _wire = new ScriptedMessages(_clock);
        _client = new CoapClient(_wire, 512, _clock, new Random(1), this);
        _answer = exchange => exchange.Begin(CoapCode.Content).WritePayload(Encoding.ASCII.GetBytes("yes"), 0, 3);
    }

    bool ICoapHandler.Heeds(int number) => number == CoapOption.Accept;

    void ICoapHandler.OnRequest(CoapExchange exchange)
    {
        _handled.Add(CoapPath.Format(exchange.Request));
        _answer(exchange);
    }

    private void Serve(params byte[][] messages)
    {
        foreach (byte[] message in messages)
        {
            _wire.Come(0, message);
            Assert.True(_client.Process(1000));
        }
    }

    [Theory]
    [InlineData(CoapType.Confirmable, CoapType.Acknowledgement)]
    [InlineData(CoapType.NonConfirmable, CoapType.NonConfirmable)]
    public void A_request_is_answered_as_it_came(CoapType request, CoapType answer)
    {
        Serve(Build(request, CoapCode.Get, 77, SomeToken, "/3/0"));
        CoapReader sent = _wire.TakeSent().Single();
        Assert.Equal((answer, CoapCode.Content, "yes"), (sent.Type, sent.Code, Text(sent)));
        Assert.Equal(SomeToken, Token(sent));
        Assert.Equal(request == CoapType.Confirmable, sent.MessageId == 77);
        Assert.Equal(["/3/0"], _handled);
    }

    [Fact]
    public void A_repeated_request_is_acknowledged_again_and_carried_out_once()
    {
        byte[] post = Build(CoapType.Confirmable, CoapCode.Post, 78, SomeToken, "/3/0/4");
        _answer = exchange => exchange.Begin(CoapCode.Changed);
        Serve(post, post);
        _clock.Advance(246_000);
        Serve(post);
        Assert.Single(_handled);
        Assert.Equal(3, _wire.Sent.Count);
        Assert.All(_wire.Sent, sent => Assert.Equal(_wire.Sent[0].Message, sent.Message));
        _clock.Advance(2_000);
        Serve(post);
        Assert.Equal(2, _handled.Count);
    }

    [Fact]
    public void A_repeated_request_whose_answer_was_long_is_not_carried_out_twice_either()
    {
        _answer = exchange => exchange.Begin(CoapCode.Changed).WritePayload(new byte[100], 0, 100);
        byte[] post = Build(CoapType.Confirmable, CoapCode.Post, 79, SomeToken, "/3/0/4"), get = Build(CoapType.Confirmable, CoapCode.Get, 80, SomeToken, "/3/0/4");
        Serve(post, post, get, get);
        List<CoapReader> sent = _wire.TakeSent();
        Assert.Equal([100, 0, 100, 100], sent.Select(s => s.PayloadCount));
        Assert.All(sent, s => Assert.Equal(CoapCode.Changed, s.Code));
        Assert.Equal(3, _handled.Count);
    }

    [Fact]
    public void A_repeated_non_confirmable_request_is_ignored()
    {
        byte[] post = Build(CoapType.NonConfirmable, CoapCode.Post, 81, SomeToken, "/3/0/4");
        Serve(post, post);
        Assert.Single(_handled);
        Assert.Single(_wire.Sent);
    }

    [Theory]
    [InlineData(CoapOption.IfMatch, "abc", CoapCode.BadOption)]
    [InlineData(9, "", CoapCode.BadOption)]
    [InlineData(10, "x", CoapCode.Content)]
    [InlineData(CoapOption.Accept, "2", CoapCode.Content)]
    [InlineData(CoapOption.ProxyUri, "coap://x/", CoapCode.ProxyingNotSupported)]
    public void Critical_options_are_heeded_or_refused(int option, string value, CoapCode expected)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(value);
        Serve(Build(CoapType.Confirmable, CoapCode.Get, 82, SomeToken, null, w => w.AddOption(option, bytes, 0, bytes.Length)));
        Assert.Equal(expected, _wire.TakeSent().Single().Code);
        Assert.Equal(expected == CoapCode.Content ? 1 : 0, _handled.Count);
    }

    [Fact]
    public void A_bad_option_in_a_non_confirmable_request_is_met_with_silence()
    {
        Serve(Build(CoapType.NonConfirmable, CoapCode.Get, 83, SomeToken, null, w => w.AddOption(9)));
        Assert.Empty(_wire.Sent);
        Assert.Empty(_handled);
    }

    [Fact]
    public void An_option_that_stands_twice_or_is_too_long_counts_as_unknown()
    {
        // Accept twice (17, 17), Accept of 3 bytes.
        byte[] head = Build(CoapType.Confirmable, CoapCode.Get, 84, [], null);
        Serve([.. head, 0xd1, 4, 50, 0x01, 50]);
        head[3]++;
        Serve([.. head, 0xd3, 4, 1, 2, 3]);
        Assert.All(_wire.TakeSent(), sent => Assert.Equal(CoapCode.BadOption, sent.Code));
    }

    [Fact]
    public void What_the_handler_throws_or_forgets_is_an_internal_error_of_that_request()
    {
        _answer = _ => throw new InvalidOperationException();
        Serve(Build(CoapType.Confirmable, CoapCode.Get, 85, SomeToken, "/a"));
        _answer = _ => { };
        Serve(Build(CoapType.Confirmable, CoapCode.Get, 86, SomeToken, "/a"));
        Assert.All(_wire.TakeSent(), sent => Assert.Equal(CoapCode.InternalServerError, sent.Code));
    }

    [Fact]
    public void A_slow_answer_follows_the_acknowledgement_and_is_sent_until_it_is_acknowledged()
    {
        byte[] put = Build(CoapType.Confirmable, CoapCode.Put, 87, SomeToken, "/5/0/0");
        _answer = exchange =>
        {
            exchange.Acknowledge();
            _clock.Advance(5_000);
            exchange.Begin(CoapCode.Changed);
        };
        int tries = 0;
        _wire.OnSent = sent =>
        {
            if (sent.Type == CoapType.Confirmable && ++tries == 2)
                _wire.Come(5, Empty(CoapType.Acknowledgement, sent.MessageId));
        };
        Serve(put);
        Serve(put);
        List<CoapReader> all = _wire.TakeSent();
        Assert.Equal([(CoapType.Acknowledgement, CoapCode.Empty), (CoapType.Confirmable, CoapCode.Changed), (CoapType.Confirmable, CoapCode.Changed), (CoapType.Acknowledgement, CoapCode.Empty)],
            all.Select(s => (s.Type, s.Code)));
        Assert.Equal(SomeToken, Token(all[1]));
        Assert.Single(_handled);
    }

    [Fact]
    public void Requests_are_served_while_this_side_waits_for_an_answer_and_slow_ones_are_answered_behind_it()
    {
        _answer = exchange =>
        {
            exchange.Acknowledge();
            exchange.Begin(CoapCode.Changed);
        };
        _wire.OnSent = sent =>
        {
            if (sent.Code == CoapCode.Post)
            {
                _wire.Come(1, Build(CoapType.Confirmable, CoapCode.Put, 500, SomeToken, "/slow"));
                _wire.Come(2, Build(CoapType.Confirmable, CoapCode.Put, 501, SomeToken, "/slower"));
                _wire.Come(3, Build(CoapType.Acknowledgement, CoapCode.Created, sent.MessageId, Token(sent), null, w => CoapPath.AddLocation(w, "/rd/7")));
            }
            else if (sent.Type == CoapType.Confirmable)
                _wire.Come(1, Empty(CoapType.Acknowledgement, sent.MessageId));
        };
        CoapResponse response = _client.Request(CoapCode.Post, "/rd?ep=a&lt=60", [1]);
        Assert.Equal((CoapCode.Created, "/rd/7"), (response.Code, response.Location));
        List<CoapReader> all = _wire.TakeSent();
        // The second slow one finds the place taken, so it is answered with its acknowledgement.
        Assert.Equal([CoapCode.Post, CoapCode.Empty, CoapCode.Changed, CoapCode.Changed], all.Select(s => s.Code));
        Assert.Equal([CoapType.Confirmable, CoapType.Acknowledgement, CoapType.Acknowledgement, CoapType.Confirmable], all.Select(s => s.Type));
    }

    [Fact]
    public void A_notification_is_sent_until_it_is_acknowledged_or_rejected()
    {
        int tries = 0;
        _wire.OnSent = sent =>
        {
            if (++tries == 3)
                _wire.Come(1, Empty(CoapType.Acknowledgement, sent.MessageId));
        };
        _client.BeginNotification(CoapCode.Content, SomeToken, 3).WritePayload([1], 0, 1);
        Assert.True(_client.Notify());
        Assert.Equal(3, _wire.Sent.Count);
        _wire.OnSent = sent => _wire.Come(1, Empty(CoapType.Reset, sent.MessageId));
        _client.BeginNotification(CoapCode.Content, SomeToken, 3).WritePayload([1], 0, 1);
        Assert.False(_client.Notify());
        _wire.OnSent = null;
        _client.BeginNotification(CoapCode.Content, SomeToken, 3).WritePayload([1], 0, 1);
        Assert.Equal(PskError.CoapSilent, Assert.Throws<PskException>(() => _client.Notify()).Code);
    }

    [Fact]
    public void A_long_request_goes_in_blocks_of_the_size_that_the_server_likes()
    {
        byte[] body = [.. Enumerable.Range(0, 1500).Select(i => (byte)i)];
        var taken = new MemoryStream();
        _wire.OnSent = sent =>
        {
            Assert.True(sent.FindOption(CoapOption.Block1));
            Assert.True(sent.TryGetUInt(out uint value));
            Assert.True(CoapBlock.TryRead(value, out CoapBlock block));
            bool refuse = block.Size > 128 && taken.Length == 0;
            if (!refuse)
            {
                Assert.Equal(taken.Length, block.Offset);
                taken.Write(Payload(sent));
            }
            CoapCode code = refuse ? CoapCode.RequestEntityTooLarge : block.More ? CoapCode.Continue : CoapCode.Changed;
            // It takes 128 and soon wants 64.
            int size = taken.Length > 300 ? 64 : 128;
            _wire.Come(1, Build(CoapType.Acknowledgement, code, sent.MessageId, Token(sent), null,
                w => w.AddOption(CoapOption.Block1, new CoapBlock(block.Number, block.More, Math.Min(size, block.Size)).Value)));
        };
        var request = new CoapRequest { Method = CoapCode.Put, Path = "/x?y=1", ContentFormat = CoapContentFormat.OctetStream };
        request.SetPayload(body);
        Assert.Equal(CoapCode.Changed, _client.Request(request).Code);
        Assert.Equal(body, taken.ToArray());
    }

    [Fact]
    public void Without_a_handler_requests_are_rejected()
    {
        var client = new CoapClient(_wire, 512, _clock, new Random(1));
        _wire.Come(0, Build(CoapType.Confirmable, CoapCode.Get, 90, SomeToken, "/3/0"));
        Assert.True(client.Process(10));
        Assert.Equal(CoapType.Reset, _wire.TakeSent().Single().Type);
        Assert.False(client.Process(0));
    }

    [Fact]
    public void Whatever_comes_the_device_goes_on()
    {
        var random = new Random(7);
        for (int i = 0; i < 5000; i++)
        {
            byte[] message = i % 2 == 0 ? new byte[random.Next(1, 60)] : Build((CoapType)random.Next(2), CoapCode.Get, i, SomeToken, "/3/0");
            if (i % 2 == 0)
                random.NextBytes(message);
            else
                message[random.Next(message.Length)] ^= (byte)(1 << random.Next(8));
            _wire.Come(0, message);
            _client.Process(0);
        }
        _wire.TakeSent();
        Serve(Build(CoapType.Confirmable, CoapCode.Get, 60_000, SomeToken, "/3/0"));
        Assert.Equal("yes", Text(_wire.TakeSent().Single()));
    }
}
