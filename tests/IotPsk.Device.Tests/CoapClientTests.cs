using System.Text;
using IotPsk.Device.Tests.Support;
using IotPsk.Shared;

namespace IotPsk.Device.Tests;

/// <summary>The CoAP client against scripted servers, in virtual time (RFC 7252 s4.2, s5.2).</summary>
public sealed class CoapClientTests : IMessageChannel
{
    private readonly FakeClock _clock = new();
    private readonly Queue<(long At, byte[] Message)> _coming = new();
    private readonly List<(long At, byte[] Message)> _sent = [];
    private readonly CoapClient _client;
    private Action<CoapReader>? _onRequest;

    public CoapClientTests() => _client = new CoapClient(this, 512, _clock, new Random(1));

    void IMessageChannel.Send(byte[] buffer, int offset, int count)
    {
        byte[] message = buffer[offset..(offset + count)];
        _sent.Add((_clock.Now, message));
        _onRequest?.Invoke(Parse(message));
    }

    int IMessageChannel.Receive(byte[] buffer, int timeout)
    {
        long until = _clock.Now + timeout;
        if (!_coming.TryPeek(out (long At, byte[] Message) next) || next.At > until)
        {
            _clock.Advance(timeout);
            return -1;
        }
        _coming.Dequeue();
        _clock.Advance((int)Math.Max(0, next.At - _clock.Now));
        next.Message.CopyTo(buffer, 0);
        return next.Message.Length;
    }

    private static CoapReader Parse(byte[] message)
    {
        var reader = new CoapReader();
        Assert.Equal(CoapFormatError.None, reader.Read(message, 0, message.Length));
        return reader;
    }

    private void Come(int after, byte[] message) => _coming.Enqueue((_clock.Now + after, message));

    private static byte[] Response(CoapReader request, CoapType type, int id, string payload, bool otherToken = false)
    {
        byte[] buffer = new byte[256];
        byte[] token = request.Buffer[request.TokenOffset..(request.TokenOffset + request.TokenLength)];
        if (otherToken)
            token[0] ^= 1;
        var writer = new CoapWriter();
        writer.Begin(buffer, 0, buffer.Length, type, CoapCode.Content, id, token, 0, token.Length);
        byte[] content = Encoding.UTF8.GetBytes(payload);
        writer.WritePayload(content, 0, content.Length);
        return buffer[..writer.Length];
    }

    private static byte[] Empty(CoapType type, int id)
    {
        byte[] buffer = new byte[4];
        CoapWriter.WriteEmpty(type, id, buffer, 0);
        return buffer;
    }

    private string Get() => Encoding.UTF8.GetString(_client.Request(CoapCode.Get, "/a", null).Payload);

    [Fact]
    public void A_response_in_the_acknowledgement_is_the_answer()
    {
        _onRequest = request => Come(10, Response(request, CoapType.Acknowledgement, request.MessageId, "yes"));
        Assert.Equal("yes", Get());
        CoapReader request = Parse(_sent.Single().Message);
        Assert.Equal((CoapType.Confirmable, CoapCode.Get, "/a"), (request.Type, request.Code, CoapPath.Format(request)));
    }

    [Theory]
    [InlineData(CoapType.Confirmable, 1)]
    [InlineData(CoapType.NonConfirmable, 0)]
    public void A_separate_response_may_take_its_time_and_is_acknowledged_if_it_wants_that(CoapType type, int acknowledgements)
    {
        _onRequest = request =>
        {
            _onRequest = null;
            Come(10, Empty(CoapType.Acknowledgement, request.MessageId));
            Come(30_000, Response(request, type, 4711, "late"));
        };
        Assert.Equal("late", Get());
        byte[][] answers = [.. _sent.Skip(1).Select(sent => sent.Message)];
        Assert.Equal(acknowledgements, answers.Length);
        Assert.All(answers, answer => Assert.Equal((CoapType.Acknowledgement, 4711), (Parse(answer).Type, Parse(answer).MessageId)));
    }

    [Fact]
    public void A_response_whose_acknowledgement_was_lost_counts_for_both()
    {
        _onRequest = request =>
        {
            _onRequest = null;
            Come(10, Response(request, CoapType.Confirmable, 4711, "yes"));
        };
        Assert.Equal("yes", Get());
        Assert.Equal(2, _sent.Count);
    }

    [Fact]
    public void Silence_is_met_with_four_repetitions_ever_later()
    {
        Assert.Equal(PskError.CoapSilent, Assert.Throws<PskException>(() => Get()).Code);
        Assert.Equal(5, _sent.Count);
        Assert.All(_sent, sent => Assert.Equal(_sent[0].Message, sent.Message));
        long[] waits = [.. _sent.Zip(_sent.Skip(1), (one, next) => next.At - one.At)];
        Assert.InRange(waits[0], 2000, 3000);
        for (int i = 1; i < waits.Length; i++)
            Assert.Equal(2 * waits[i - 1], waits[i]);
        Assert.Equal(32 * waits[0] - waits[0], _clock.Now - _sent[0].At);
    }

    [Fact]
    public void A_rejected_request_is_not_repeated()
    {
        _onRequest = request => Come(10, Empty(CoapType.Reset, request.MessageId));
        Assert.Equal(PskError.CoapRejected, Assert.Throws<PskException>(() => Get()).Code);
        Assert.Single(_sent);
    }

    [Fact]
    public void What_belongs_to_something_else_is_rejected_or_ignored()
    {
        _onRequest = request =>
        {
            _onRequest = null;
            Come(1, [1, 2, 3]);
            Come(1, Response(request, CoapType.Acknowledgement, request.MessageId ^ 1, "of another message"));
            Come(1, Response(request, CoapType.NonConfirmable, 5, "of another request", otherToken: true));
            Come(1, Response(request, CoapType.Confirmable, 6, "of another request", otherToken: true));
            Come(1, Empty(CoapType.Reset, request.MessageId ^ 1));
            Come(1, Empty(CoapType.Confirmable, 7));
            Come(1, Response(request, CoapType.Acknowledgement, request.MessageId, "yes"));
        };
        Assert.Equal("yes", Get());
        Assert.Equal([Empty(CoapType.Reset, 6), Empty(CoapType.Reset, 7)], _sent.Skip(1).Select(sent => sent.Message));
    }

    [Fact]
    public void A_ping_is_answered_by_a_reset()
    {
        _onRequest = request => Come(10, Empty(CoapType.Reset, request.MessageId));
        _client.Ping();
        Assert.Equal(4, _sent.Single().Message.Length);
        _onRequest = null;
        Assert.Equal(PskError.CoapSilent, Assert.Throws<PskException>(_client.Ping).Code);
        Assert.Equal(6, _sent.Count);
    }

    [Fact]
    public void Message_ids_go_on_where_the_application_says()
    {
        _onRequest = request => Come(10, Response(request, CoapType.Acknowledgement, request.MessageId, ""));
        _client.NextMessageId = 0xffff;
        Get();
        Get();
        Assert.Equal([0xffff, 0], _sent.Select(sent => Parse(sent.Message).MessageId));
        Assert.Equal(1, _client.NextMessageId);
        Assert.NotEqual(_sent[0].Message[4..8], _sent[1].Message[4..8]);
    }
}
