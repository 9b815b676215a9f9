using System.Text;
using IotPsk.Device.Tests.Support;
using IotPsk.Shared;
using static IotPsk.Device.Tests.Support.ScriptedMessages;

namespace IotPsk.Device.Tests.Lwm2m;

/// <summary>The device against scripted servers: formats, blocks, floods, and servers that say no.</summary>
public sealed class Lwm2mClientTests
{
    private readonly FakeClock _clock = new();
    private readonly ScriptedMessages _wire;
    private readonly DeviceLab _device;
    private CoapCode _registers = CoapCode.Created;
    private int _id = 100;

    public Lwm2mClientTests()
    {
        _wire = new ScriptedMessages(_clock);
        _wire.OnSent = Answer;
        _device = new DeviceLab(_clock, null, 256);
        _device.Attach(_wire);
        _device.Client.Run(100);
        _wire.Sent.Clear();
    }

    private void Answer(CoapReader sent)
    {
        if (sent.Type != CoapType.Confirmable)
            return;
        if (CoapPath.Format(sent).StartsWith("/rd?", StringComparison.Ordinal))
            _wire.Come(1, Build(CoapType.Acknowledgement, _registers, sent.MessageId, Token(sent), null, w => CoapPath.AddLocation(w, "/rd/1")));
        else if (CoapCodes.IsRequest(sent.Code))
            _wire.Come(1, Build(CoapType.Acknowledgement, CoapCode.Changed, sent.MessageId, Token(sent), null));
        else
            _wire.Come(1, Empty(CoapType.Acknowledgement, sent.MessageId));
    }

    private CoapReader Ask(CoapCode method, string path, int format = -1, byte[]? payload = null, int accept = -1, int observe = -1, CoapBlock? block1 = null, CoapBlock? block2 = null, byte[]? token = null)
    {
        byte[] buffer = new byte[1024];
        var writer = new CoapWriter();
        token ??= [7];
        writer.Begin(buffer, 0, buffer.Length, CoapType.Confirmable, method, ++_id, token, 0, token.Length);
        if (observe >= 0)
            writer.AddOption(CoapOption.Observe, (uint)observe);
        string[] parts = path.Split('?');
        CoapPath.Add(writer, parts[0]);
        if (format >= 0)
            writer.AddOption(CoapOption.ContentFormat, (uint)format);
        if (parts.Length > 1)
            CoapPath.Add(writer, "/?" + parts[1]);
        if (accept >= 0)
            writer.AddOption(CoapOption.Accept, (uint)accept);
        if (block2 is { } two)
            writer.AddOption(CoapOption.Block2, two.Value);
        if (block1 is { } one)
            writer.AddOption(CoapOption.Block1, one.Value);
        writer.WritePayload(payload ?? [], 0, payload?.Length ?? 0);
        _wire.Come(0, buffer[..writer.Length]);
        int before = _wire.Sent.Count;
        _device.Client.Run(10);
        return _wire.Sent.Skip(before).Select(s => Parse(s.Message)).First(r => r.MessageId == _id);
    }

    private static int Format(CoapReader message) => message.FindOption(CoapOption.ContentFormat) && message.TryGetUInt(out uint format) ? (int)format : -1;

    [Theory]
    [InlineData("/3303/0/5700", -1, 0, "32312E35")]
    [InlineData("/3303/0/5700", 0, 0, "32312E35")]
    [InlineData("/3303/0/5700", 112, 112, "81A2216C2F333330332F302F3537303002FA41AC0000")]
    [InlineData("/3303/0/5700", 11542, 11542, "E81644084035800000000000")]
    [InlineData("/3303/0/5701", 11542, 11542, "E3164543656C")]
    [InlineData("/3303", 11542, 11542, "08002AE815E1084035800000000000E815E2084035800000000000E81644084035800000000000E3164543656C")]
    [InlineData("/1/0/6", -1, 0, "31")]
    [InlineData("/3/0/11", 11542, 11542, "830B410000")]
    [InlineData("/3/0/11/0", -1, 0, "30")]
    [InlineData("/3/0/11/0", 11542, 11542, "410000")]
    [InlineData("/3/0/11", -1, 112, null)]
    [InlineData("/3/0", -1, 112, null)]
    public void Values_come_in_the_format_that_is_asked_for_and_in_a_small_one_otherwise(string path, int accept, int format, string? payload)
    {
        _device.Temperature.Measure(0, 21.5);
        CoapReader answer = Ask(CoapCode.Get, path, accept: accept);
        Assert.Equal((CoapCode.Content, format), (answer.Code, Format(answer)));
        if (payload is not null)
            Assert.Equal(payload, Convert.ToHexString(Payload(answer)));
    }

    [Fact]
    public void SenML_in_JSON_has_the_whole_instance()
    {
        _device.Temperature.Measure(0, 21.5);
        Assert.Equal("""[{"bn":"/3303/0/","n":"5601","v":21.5},{"n":"5602","v":21.5},{"n":"5700","v":21.5},{"n":"5701","vs":"Cel"}]""", Text(Ask(CoapCode.Get, "/3303/0", accept: 110)));
        Assert.Equal("""[{"bn":"/3/0/11/0","v":0}]""", Text(Ask(CoapCode.Get, "/3/0/11", accept: 110)));
    }

    [Theory]
    [InlineData(CoapCode.Get, "/3/0/4", -1, CoapCode.MethodNotAllowed)]
    [InlineData(CoapCode.Get, "/5/0/0", -1, CoapCode.MethodNotAllowed)]
    [InlineData(CoapCode.Get, "/3/1", -1, CoapCode.NotFound)]
    [InlineData(CoapCode.Get, "/3/0/99", -1, CoapCode.NotFound)]
    [InlineData(CoapCode.Get, "/3/0/11/7", -1, CoapCode.NotFound)]
    [InlineData(CoapCode.Get, "/3/0/0/0", -1, CoapCode.NotFound)]
    [InlineData(CoapCode.Get, "/3/0/0/0/0", -1, CoapCode.NotFound)]
    [InlineData(CoapCode.Get, "/03/0", -1, CoapCode.NotFound)]
    [InlineData(CoapCode.Get, "/bs", -1, CoapCode.NotFound)]
    [InlineData(CoapCode.Get, "/3303/0/5700", -1, CoapCode.NotFound)]
    [InlineData(CoapCode.Get, "/", -1, CoapCode.MethodNotAllowed)]
    [InlineData(CoapCode.Get, "/3/0", 0, CoapCode.NotAcceptable)]
    [InlineData(CoapCode.Get, "/3/0/0", 42, CoapCode.NotAcceptable)]
    [InlineData(CoapCode.Get, "/3/0/0", 50, CoapCode.NotAcceptable)]
    [InlineData(CoapCode.Delete, "/3/0", -1, CoapCode.MethodNotAllowed)]
    [InlineData(CoapCode.Post, "/3", -1, CoapCode.MethodNotAllowed)]
    [InlineData(CoapCode.Put, "/3/0/0", -1, CoapCode.MethodNotAllowed)]
    [InlineData(CoapCode.Post, "/3/0/0", -1, CoapCode.MethodNotAllowed)]
    [InlineData(CoapCode.Fetch, "/3/0/0", -1, CoapCode.MethodNotAllowed)]
    public void What_cannot_be_is_told_by_its_code(CoapCode method, string path, int accept, CoapCode expected) =>
        Assert.Equal(expected, Ask(method, path, accept: accept).Code);

    [Theory]
    [InlineData("/1/0/2", 0, "3135", CoapCode.Changed)]
    [InlineData("/1/0/2", 0, "78", CoapCode.BadRequest)]
    [InlineData("/1/0/2", 0, "FF", CoapCode.BadRequest)]
    [InlineData("/1/0/2", 42, "0F", CoapCode.BadRequest)]
    [InlineData("/1/0/2", 11542, "C1020F", CoapCode.Changed)]
    [InlineData("/1/0/2", 11542, "C1030F", CoapCode.BadRequest)]
    [InlineData("/1/0/2", 11542, "C1020F99", CoapCode.BadRequest)]
    [InlineData("/1/0/2", 11542, "C3020F0F0F", CoapCode.BadRequest)]
    [InlineData("/1/0", 11542, "C1020F", CoapCode.Changed)]
    [InlineData("/1/0", 11542, "0300C1020F", CoapCode.Changed)]
    [InlineData("/1/0", 11542, "0301C1020F", CoapCode.BadRequest)]
    [InlineData("/1/0", 11542, "C1020FC1630F", CoapCode.NotFound)]
    [InlineData("/1/0", 11542, "C1020FC10001", CoapCode.MethodNotAllowed)]
    [InlineData("/1/0", 0, "3135", CoapCode.UnsupportedContentFormat)]
    [InlineData("/1/0/2", 60, "0F", CoapCode.UnsupportedContentFormat)]
    [InlineData("/1/0", 112, "81A200662F312F302F32020F", CoapCode.Changed)]
    [InlineData("/1/0", 112, "81A200662F332F302F32020F", CoapCode.BadRequest)]
    [InlineData("/1/0", 112, "81A200662F312F302F3204F5", CoapCode.BadRequest)]
    [InlineData("/1/0", 112, "81A200", CoapCode.BadRequest)]
    public void Writes_are_taken_whole_or_refused(string path, int format, string payload, CoapCode expected)
    {
        Assert.Equal(expected, Ask(CoapCode.Put, path, format, Convert.FromHexString(payload)).Code);
        Assert.Equal(expected == CoapCode.Changed ? 15 : 0, _device.Client.Server.DefaultMinimumPeriod);
    }

    [Fact]
    public void A_long_answer_comes_in_blocks_of_one_representation()
    {
        _device.Device.Serial = new string('s', 300);
        var whole = new StringBuilder();
        string? tag = null;
        for (int number = 0, more = 1; more == 1; number++)
        {
            CoapReader answer = Ask(CoapCode.Get, "/3/0", accept: 110, block2: number == 0 ? null : new CoapBlock(number, false, 128));
            Assert.Equal(CoapCode.Content, answer.Code);
            Assert.True(answer.FindOption(CoapOption.ETag));
            string mine = Convert.ToHexString(answer.Buffer, answer.OptionOffset, answer.OptionLength);
            Assert.Equal(tag ??= mine, mine);
            Assert.True(answer.FindOption(CoapOption.Block2));
            Assert.True(answer.TryGetUInt(out uint value));
            Assert.True(CoapBlock.TryRead(value, out CoapBlock block));
            Assert.Equal((number, 128), (block.Number, block.Size));
            more = block.More ? 1 : 0;
            whole.Append(Text(answer));
            // What changes meanwhile does not get into it.
            _device.Device.Serial = "other";
        }
        Assert.Contains(new string('s', 300), whole.ToString(), StringComparison.Ordinal);
        Assert.EndsWith("}]", whole.ToString(), StringComparison.Ordinal);
        Assert.Equal(CoapCode.BadRequest, Ask(CoapCode.Get, "/3/0", accept: 110, block2: new CoapBlock(500, false, 128)).Code);
        Assert.Contains("other", Text(Ask(CoapCode.Get, "/3/0/2", block2: new CoapBlock(0, false, 16))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_representation_that_is_too_large_is_an_error_and_no_more()
    {
        _device.Device.Serial = new string('s', 3000);
        Assert.Equal(CoapCode.InternalServerError, Ask(CoapCode.Get, "/3/0").Code);
        Assert.Equal(CoapCode.Content, Ask(CoapCode.Get, "/3/0/0").Code);
    }

    [Fact]
    public void A_write_in_blocks_is_put_together_in_order_only()
    {
        byte[] text = Encoding.ASCII.GetBytes("000000000000000000000000000000000015");
        Assert.Equal(CoapCode.Continue, Ask(CoapCode.Put, "/1/0/2", 0, text[..16], block1: new CoapBlock(0, true, 16)).Code);
        Assert.Equal(CoapCode.Continue, Ask(CoapCode.Put, "/1/0/2", 0, text[16..32], block1: new CoapBlock(1, true, 16)).Code);
        Assert.Equal(CoapCode.Changed, Ask(CoapCode.Put, "/1/0/2", 0, text[32..], block1: new CoapBlock(2, false, 16)).Code);
        Assert.Equal(15, _device.Client.Server.DefaultMinimumPeriod);
        Assert.Equal(CoapCode.RequestEntityIncomplete, Ask(CoapCode.Put, "/1/0/2", 0, text[32..], block1: new CoapBlock(2, false, 16)).Code);
        Assert.Equal(CoapCode.Continue, Ask(CoapCode.Put, "/1/0/2", 0, text[..16], block1: new CoapBlock(0, true, 16)).Code);
        Assert.Equal(CoapCode.RequestEntityIncomplete, Ask(CoapCode.Put, "/1/0/3", 0, text[16..32], block1: new CoapBlock(1, true, 16)).Code);
        Assert.Equal(CoapCode.RequestEntityIncomplete, Ask(CoapCode.Put, "/1/0/2", 0, text[16..32], block1: new CoapBlock(1, true, 16)).Code);
        Assert.Equal(CoapCode.BadRequest, Ask(CoapCode.Put, "/1/0/2", 0, text[..5], block1: new CoapBlock(0, true, 16)).Code);
        for (int i = 0; i < 16; i++)
            Assert.Equal(CoapCode.Continue, Ask(CoapCode.Put, "/1/0/2", 0, new byte[128], block1: new CoapBlock(i, true, 128)).Code);
        Assert.Equal(CoapCode.RequestEntityTooLarge, Ask(CoapCode.Put, "/1/0/2", 0, new byte[128], block1: new CoapBlock(16, true, 128)).Code);
        Assert.Equal(CoapCode.RequestEntityIncomplete, Ask(CoapCode.Put, "/5/0/0", 42, new byte[128], block1: new CoapBlock(3, true, 128)).Code);
    }

    [Fact]
    public void A_flood_of_observations_and_attributes_finds_an_end()
    {
        _device.Temperature.Measure(0, 1);
        string[] paths = ["/3", "/3/0", "/3/0/0", "/3/0/1", "/3/0/2", "/3/0/3", "/3/0/10", "/3/0/11", "/3/0/16", "/1", "/1/0", "/3303/0"];
        int observed = 0, attributed = 0;
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < paths.Length; i++)
            {
                CoapReader answer = Ask(CoapCode.Get, paths[i], observe: 0, token: [(byte)round, (byte)i]);
                Assert.Equal(CoapCode.Content, answer.Code);
                observed += round == 0 && answer.FindOption(CoapOption.Observe) ? 1 : 0;
                CoapCode code = Ask(CoapCode.Put, paths[i] + "?pmin=1").Code;
                attributed += round == 0 && code == CoapCode.Changed ? 1 : 0;
                Assert.True(code is CoapCode.Changed or CoapCode.ServiceUnavailable);
            }
        }
        Assert.Equal((8, 8), (observed, attributed));
        // Taken back, they make room.
        Ask(CoapCode.Get, "/3", observe: 1, token: [2, 0]);
        Ask(CoapCode.Put, "/3?pmin");
        Assert.True(Ask(CoapCode.Get, "/1", observe: 0, token: [9, 9]).FindOption(CoapOption.Observe));
        Assert.Equal(CoapCode.Changed, Ask(CoapCode.Put, "/1?pmax=5").Code);
    }

    [Fact]
    public void A_notification_that_is_rejected_ends_the_observation()
    {
        _device.Temperature.Measure(0, 1);
        Ask(CoapCode.Get, "/3303/0/5700", observe: 0);
        _wire.OnSent = sent =>
        {
            if (sent.FindOption(CoapOption.Observe))
                _wire.Come(1, Empty(CoapType.Reset, sent.MessageId));
            else
                Answer(sent);
        };
        _wire.Sent.Clear();
        _device.Report(2);
        _device.Client.Run(1000);
        // The value goes another way.
        Assert.Equal(["", "/dp"], _wire.TakeSent().Select(s => s.FindOption(CoapOption.Observe) ? "" : CoapPath.Format(s)));
        Assert.Single(_device.Delivered);
    }

    [Theory]
    [InlineData(CoapContentFormat.SenmlCbor)]
    [InlineData(CoapContentFormat.SenmlJson)]
    [InlineData(CoapContentFormat.Text)]
    public void A_value_is_notified_of_once(int format)
    {
        _device.Temperature.Measure(0, 1);
        Ask(CoapCode.Get, "/3303/0/5700", accept: format, observe: 0);
        _wire.OnSent = sent => Answer(sent);
        _wire.Sent.Clear();
        for (int value = 2; value < 5; value++)
        {
            _device.Report(value);
            for (int i = 0; i < 10; i++)
                _device.Client.Run(500);
        }
        Assert.Equal(3, _wire.TakeSent().Count(s => s.FindOption(CoapOption.Observe)));
        Assert.Equal(3, _device.Delivered.Count);
    }

    [Fact]
    public void A_value_whose_notification_is_rejected_goes_by_a_wider_observation()
    {
        _device.Temperature.Measure(0, 1);
        _device.Temperature.Measure(0, 3);
        Ask(CoapCode.Get, "/3303/0", observe: 0, accept: 112, token: [1]);
        Ask(CoapCode.Get, "/3303/0/5700", observe: 0, accept: 112, token: [2]);
        _wire.OnSent = sent =>
        {
            if (Token(sent) is [2])
                _wire.Come(1, Empty(CoapType.Reset, sent.MessageId));
            else
                Answer(sent);
        };
        _wire.Sent.Clear();
        _device.Report(2);
        _device.Client.Run(1000);
        Assert.Equal([2, 1], _wire.TakeSent().Select(s => Token(s).Single()));
        Assert.Single(_device.Delivered);
    }

    [Fact]
    public void A_value_counts_only_once_its_notification_is_acknowledged()
    {
        _device.Temperature.Measure(0, 1);
        Ask(CoapCode.Get, "/3303/0/5700", observe: 0, accept: 112);
        _wire.OnSent = null;
        _device.Report(2);
        _device.Report(3);
        Assert.Equal(PskError.CoapSilent, Assert.Throws<PskException>(() => _device.Client.Run(1000)).Code);
        Assert.Empty(_device.Delivered);
        Assert.Equal(2, _device.Client.Undelivered);
        // A new association; the device registers again and nobody observes.
        _device.Client.Detach();
        _wire.OnSent = Answer;
        _device.Attach(_wire);
        _wire.Sent.Clear();
        _device.Client.Run(1000);
        Assert.Equal(["/rd", "/dp"], _wire.TakeSent().Select(s => CoapPath.Format(s)[..3]));
        Assert.Equal([1, 2], _device.Delivered);
    }

    [Fact]
    public void The_ring_is_bounded()
    {
        _wire.OnSent = null;
        for (int i = 0; i < 32; i++)
            _device.Report(i);
        Assert.Equal(PskError.WindowFull, Assert.Throws<PskException>(() => _device.Report(99)).Code);
        _wire.OnSent = Answer;
        Assert.True(_device.Client.Flush(10_000));
        Assert.Equal(Enumerable.Range(1, 32), _device.Delivered);
        Assert.Throws<ArgumentException>(() => _device.Report(double.NaN));
        Assert.Throws<ArgumentException>(() => _device.Client.Report(DeviceLab.Path("/3303/0/5701"), 1));
        Assert.Throws<ArgumentException>(() => _device.Client.Report(DeviceLab.Path("/3303/1/5700"), 1));
        Assert.Throws<ArgumentException>(() => _device.Client.Report(DeviceLab.Path("/9/0/1"), 1));
    }

    [Fact]
    public void A_server_without_Send_gets_values_only_when_it_observes()
    {
        _wire.OnSent = sent =>
        {
            if (CoapPath.Format(sent) == "/dp")
                _wire.Come(1, Build(CoapType.Acknowledgement, CoapCode.NotFound, sent.MessageId, Token(sent), null));
            else
                Answer(sent);
        };
        for (int i = 0; i < 40; i++)
        {
            _device.Report(i);
            _device.Client.Run(1000);
        }
        // Tried twice, with a registration in between, and then no more; the oldest values give way.
        Assert.Equal(["/dp", "/rd", "/dp"], _wire.TakeSent().Select(s => CoapPath.Format(s)[..3]));
        Assert.Equal(32, _device.Client.Undelivered);
        Ask(CoapCode.Get, "/3303/0/5700", observe: 0, accept: 112);
        _device.Client.Run(1000);
        Assert.Equal(Enumerable.Range(9, 32), _device.Delivered);
    }

    [Fact]
    public void Muted_it_sends_nothing_by_itself()
    {
        Assert.Equal(CoapCode.Changed, Ask(CoapCode.Put, "/1/0/23", 0, "1"u8.ToArray()).Code);
        _wire.Sent.Clear();
        _device.Report(1);
        _device.Client.Run(10_000);
        Assert.Empty(_wire.Sent);
        Ask(CoapCode.Put, "/1/0/23", 0, "0"u8.ToArray());
        _device.Client.Run(100);
        Assert.Single(_device.Delivered);
    }

    [Theory]
    [InlineData(CoapCode.Forbidden, PskError.Lwm2mRefused)]
    [InlineData(CoapCode.BadRequest, PskError.Lwm2mRefused)]
    [InlineData(CoapCode.ServiceUnavailable, PskError.Lwm2mUnavailable)]
    [InlineData(CoapCode.TooManyRequests, PskError.Lwm2mUnavailable)]
    [InlineData(CoapCode.Changed, PskError.Lwm2mRefused)]
    public void A_server_that_does_not_register_it_is_named(CoapCode code, PskError error)
    {
        _registers = code;
        _device.Attach(_wire);
        PskException problem = Assert.Throws<PskException>(() => _device.Client.Run(1000));
        Assert.Equal((error, error == PskError.Lwm2mRefused), (problem.Code, problem.IsPermanent));
        Assert.EndsWith(CoapCodes.Format(code), problem.Message, StringComparison.Ordinal);
        _registers = CoapCode.Created;
        _device.Client.Run(1000);
        Assert.True(_device.Client.IsRegistered);
    }

    [Fact]
    public void The_state_survives_a_sleep()
    {
        _device.Temperature.Measure(0, 1);
        Ask(CoapCode.Get, "/3303/0/5700", observe: 0, accept: 112, token: [1, 2, 3, 4, 5, 6, 7, 8]);
        Ask(CoapCode.Put, "/3303/0/5700?pmin=2&gt=0.5&st=0.25");
        Ask(CoapCode.Put, "/1/0/1", 0, "900"u8.ToArray());
        _device.Client.Run(100);
        _wire.OnSent = null;
        _device.Report(2.5);
        byte[] state = _device.Client.Save(60_000);
        Assert.InRange(state.Length, 50, 300);
        var woken = new DeviceLab(_clock, null, 256);
        Assert.True(woken.Client.Restore(state));
        _wire.OnSent = Answer;
        _wire.Sent.Clear();
        woken.Attach(_wire, isResumed: true);
        woken.Client.Run(1000);
        // The first datagram is data, over the observation of before; its age is the sleep.
        CoapReader first = _wire.TakeSent().Single();
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], Token(first));
        var reader = new SenmlReader(CoapContentFormat.SenmlCbor, first.Buffer, first.PayloadOffset, first.PayloadCount);
        var record = new SenmlRecord();
        Assert.True(reader.Read(record));
        Assert.Equal(("/3303/0/5700", 2.5, -60), (record.Name, record.Number, record.Time));
        Assert.Equal([1], woken.Delivered);
        woken.Client.Run(900_000);
        Assert.Contains(_wire.TakeSent(), s => CoapPath.Format(s) == "/rd/1");
    }

    [Fact]
    public void A_state_that_is_none_is_not_used()
    {
        _device.Temperature.Measure(0, 1);
        Ask(CoapCode.Get, "/3303/0/5700", observe: 0, accept: 112);
        _device.Report(2.5);
        byte[] state = _device.Client.Save(1000);
        var random = new Random(3);
        Assert.False(new DeviceLab(_clock).Client.Restore(null));
        for (int length = 0; length < state.Length; length++)
            Assert.False(new DeviceLab(_clock).Client.Restore(state[..length]));
        for (int i = 0; i < 500; i++)
        {
            byte[] broken = [.. state];
            broken[random.Next(broken.Length)] ^= (byte)(1 << random.Next(8));
            var device = new DeviceLab(_clock, null, 256);
            bool used = device.Client.Restore(broken);
            Assert.True(used || !device.Client.IsRegistered);
            Assert.True(used || device.Client.Undelivered == 0);
        }
    }

    [Fact]
    public void Whatever_the_server_sends_the_device_goes_on()
    {
        var random = new Random(5);
        string[] paths = ["/3/0", "/3303/0/5700", "/5/0/0", "/1/0", "/", "/3/0/13"];
        int[] formats = [0, 42, 110, 112, 11542, 60];
        for (int i = 0; i < 4000; i++)
        {
            byte[] payload = new byte[random.Next(40)];
            random.NextBytes(payload);
            byte[] message = Build((CoapType)random.Next(2), (CoapCode)random.Next(1, 8), i, [1], paths[random.Next(paths.Length)], w =>
            {
                w.AddOption(CoapOption.ContentFormat, (uint)formats[random.Next(formats.Length)]);
                if (random.Next(2) == 0)
                    w.AddOption(random.Next(2) == 0 ? CoapOption.Block2 : CoapOption.Block1, (uint)random.Next(1 << random.Next(1, 24)));
            }, payload);
            if (random.Next(3) == 0)
                message[random.Next(message.Length)] ^= (byte)(1 << random.Next(8));
            _wire.Come(0, message);
            _device.Client.Run(0);
        }
        Assert.Equal(CoapCode.Content, Ask(CoapCode.Get, "/3/0/0").Code);
        Assert.True(_device.Client.IsRegistered);
    }
}
