using IotPsk.Device.Tests.Support;
using IotPsk.Lwm2m.Coap;
using IotPsk.Lwm2m.Management;
using IotPsk.Shared;

namespace IotPsk.Device.Tests.Lwm2m;

/// <summary>Firmware that is pushed and pulled in blocks, in virtual time (OMA LwM2M 1.1 appendix E.6, RFC 7959).</summary>
public sealed class FirmwareTests : ICoapResource
{
    private readonly FakeClock _clock = new();
    private readonly ServerLab _server;
    private readonly DeviceLab _device;
    private byte[] _file = MakePackage(256 << 10);
    private int _served, _unavailable;
    private Func<int, byte>? _tag;

    public FirmwareTests()
    {
        _server = new ServerLab(_clock);
        _server.Server.Map("/firmware", this, andBelow: true);
        _device = new DeviceLab(_clock);
        _device.Attach(_server);
        _device.Client.Run(1000);
    }

    bool ICoapResource.Heeds(int number) => number == CoapOption.Block2;

    void ICoapResource.Handle(IotPsk.Lwm2m.Coap.CoapExchange exchange)
    {
        CoapReader request = exchange.Request;
        _served++;
        if (CoapPath.Format(request) != "/firmware/a.bin")
        {
            exchange.Answer(CoapCode.NotFound);
            return;
        }
        if (_unavailable-- > 0)
        {
            exchange.Answer(CoapCode.ServiceUnavailable);
            return;
        }
        Assert.True(request.FindOption(CoapOption.Block2));
        Assert.True(request.TryGetUInt(out uint value));
        Assert.True(CoapBlock.TryRead(value, out CoapBlock block));
        int offset = block.Offset, count = Math.Min(block.Size, _file.Length - offset);
        CoapWriter writer = exchange.Begin(CoapCode.Content);
        writer.AddOption(CoapOption.ETag, [_tag?.Invoke(_served) ?? 1], 0, 1);
        writer.AddOption(CoapOption.Block2, new CoapBlock(block.Number, offset + count < _file.Length, block.Size).Value);
        if (offset == 0)
            writer.AddOption(CoapOption.Size2, (uint)_file.Length);
        writer.WritePayload(_file, offset, count);
    }

    private static byte[] MakePackage(int size)
    {
        byte[] package = new byte[size];
        new Random(size).NextBytes(package);
        return package;
    }

    private Lwm2mAnswer Ask(Lwm2mVerb verb, string path, Func<Lwm2mOperation, Lwm2mOperation>? more = null)
    {
        List<Lwm2mAnswer> answers = _server.Ask(verb, path, more);
        for (int i = 0; i < 2000 && answers.Count == 0; i++)
            _device.Client.Run(1000);
        return answers.Single();
    }

    private Lwm2mAnswer Push(byte[] package) => Ask(Lwm2mVerb.Write, "/5/0/0", o => o with { Payload = package, ContentFormat = CoapContentFormat.OctetStream, Timeout = TimeSpan.FromMinutes(10) });

    private Lwm2mAnswer WriteUri(string uri) => Ask(Lwm2mVerb.Write, "/5/0/1", o => o with { Text = uri });

    private double State => Ask(Lwm2mVerb.Read, "/5/0/3").Records[0].Number;

    private double Result => Ask(Lwm2mVerb.Read, "/5/0/5").Records[0].Number;

    private void RunUntilIdle(int seconds = 600)
    {
        for (int i = 0; i < seconds && _device.Firmware.State == FirmwareState.Downloading; i++)
            _device.Client.Run(1000);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    public void A_package_is_pushed_in_blocks_and_applied(int losesOneOf)
    {
        _device.Sink.Erasing = () => _clock.Advance(4_000);
        _server.LosesOneOf = losesOneOf;
        Assert.Equal(CoapCode.Changed, Push(_file).Code);
        Assert.Equal(_file, _device.Sink.Package.ToArray());
        Assert.Equal(1, _device.Sink.Begun);
        Assert.Equal((2, 0), (State, Result));
        Assert.Equal("2.0", Ask(Lwm2mVerb.Read, "/5/0/7").Records[0].Text);
        Assert.Equal(CoapCode.Changed, Ask(Lwm2mVerb.Execute, "/5/0/2").Code);
        Assert.Equal((3, 1), (State, _device.Sink.Applied));
        Assert.Equal(CoapCode.MethodNotAllowed, Ask(Lwm2mVerb.Execute, "/5/0/2").Code);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    public void A_package_is_pulled_from_the_server_that_it_is_registered_with(int losesOneOf)
    {
        _server.LosesOneOf = losesOneOf;
        Assert.Equal(CoapCode.Changed, WriteUri("coaps://127.0.0.1:5684/firmware/a.bin").Code);
        RunUntilIdle();
        Assert.Equal(FirmwareState.Downloaded, _device.Firmware.State);
        Assert.Equal(_file, _device.Sink.Package.ToArray());
        Assert.Equal(2, State);
    }

    [Fact]
    public void A_pull_goes_on_where_it_was_after_the_association_was_lost()
    {
        _server.DiesAfter = 100;
        _server.Ask(Lwm2mVerb.Write, "/5/0/1", o => o with { Text = "coaps://127.0.0.1:5684/firmware/a.bin" });
        Assert.Equal(PskError.CoapSilent, Assert.Throws<PskException>(() => _device.Client.Run(600_000)).Code);
        Assert.InRange(_device.Firmware.Received, 1, _file.Length - 1);
        _device.Client.Detach();
        _server.IsDead = false;
        _server.Reconnect();
        _device.Attach(_server);
        RunUntilIdle();
        Assert.Equal(_file, _device.Sink.Package.ToArray());
        Assert.Equal(1, _device.Sink.Begun);
    }

    [Fact]
    public void A_file_that_changes_while_it_is_pulled_is_pulled_anew()
    {
        _file = MakePackage(8 << 10);
        _tag = served => (byte)(served < 5 ? 1 : 2);
        WriteUri("coaps://127.0.0.1:5684/firmware/a.bin");
        RunUntilIdle();
        Assert.Equal((FirmwareState.Downloaded, 2), (_device.Firmware.State, _device.Sink.Begun));
        Assert.Equal(_file, _device.Sink.Package.ToArray());
    }

    [Fact]
    public void A_file_that_never_stays_the_same_is_given_up()
    {
        _tag = served => (byte)served;
        WriteUri("coaps://127.0.0.1:5684/firmware/a.bin");
        RunUntilIdle();
        Assert.Equal((FirmwareState.Idle, FirmwareResult.ConnectionLost), (_device.Firmware.State, _device.Firmware.Result));
    }

    [Fact]
    public void A_server_that_cannot_now_is_asked_again_later()
    {
        _unavailable = 3;
        WriteUri("coaps://127.0.0.1:5684/firmware/a.bin");
        RunUntilIdle();
        Assert.Equal(FirmwareState.Downloaded, _device.Firmware.State);
    }

    [Theory]
    [InlineData("coaps://127.0.0.1:5684/firmware/b.bin", FirmwareResult.InvalidUri)]
    [InlineData("coaps://127.0.0.1/firmware/b.bin", FirmwareResult.InvalidUri)]
    [InlineData("coaps://127.0.0.1:5685/firmware/a.bin", FirmwareResult.InvalidUri)]
    [InlineData("coaps://127.0.0.1:5684", FirmwareResult.InvalidUri)]
    [InlineData("coaps://127.0.0.1:5684/%zz", FirmwareResult.InvalidUri)]
    [InlineData("http://127.0.0.1/a.bin", FirmwareResult.UnsupportedProtocol)]
    [InlineData("coap://127.0.0.1:5684/firmware/a.bin", FirmwareResult.UnsupportedProtocol)]
    public void A_uri_that_leads_nowhere_is_told(string uri, FirmwareResult result)
    {
        Assert.Equal(CoapCode.Changed, WriteUri(uri).Code);
        RunUntilIdle();
        Assert.Equal((0, (double)result), (State, Result));
        Assert.Equal(CoapCode.Changed, WriteUri("coaps://127.0.0.1:5684/firmware/a.bin").Code);
        RunUntilIdle();
        Assert.Equal(2, State);
    }

    [Fact]
    public void What_does_not_fit_or_is_damaged_is_told_and_the_next_package_works()
    {
        Assert.Equal(CoapCode.RequestEntityTooLarge, Push(new byte[301 << 10]).Code);
        Assert.Equal((0, (double)FirmwareResult.NoStorage), (State, Result));
        _device.Sink.IsSound = false;
        Assert.Equal(CoapCode.UnsupportedContentFormat, Push(MakePackage(3000)).Code);
        Assert.Equal((0, (double)FirmwareResult.IntegrityFailed), (State, Result));
        _device.Sink.IsSound = true;
        Assert.Equal(CoapCode.Changed, Push(MakePackage(3000)).Code);
        _device.Sink.CanApply = false;
        Assert.Equal(CoapCode.Changed, Ask(Lwm2mVerb.Execute, "/5/0/2").Code);
        Assert.Equal((2, (double)FirmwareResult.UpdateFailed), (State, Result));
        // In the state Downloaded nothing else comes in, before it is reset.
        Assert.Equal(CoapCode.MethodNotAllowed, Push(MakePackage(3000)).Code);
        Assert.Equal(CoapCode.MethodNotAllowed, WriteUri("coaps://127.0.0.1:5684/firmware/a.bin").Code);
        Assert.Equal(CoapCode.Changed, Push([0]).Code);
        Assert.Equal((0, 0), (State, Result));
        Assert.Equal(CoapCode.MethodNotAllowed, Ask(Lwm2mVerb.Execute, "/5/0/2").Code);
        Assert.Equal(CoapCode.Changed, Push(MakePackage(100)).Code);
        Assert.Equal(CoapCode.Changed, WriteUri("").Code);
        Assert.Equal(0, State);
    }

    [Fact]
    public void A_push_that_was_interrupted_begins_anew()
    {
        List<Lwm2mAnswer> answers = _server.Ask(Lwm2mVerb.Write, "/5/0/0", o => o with { Payload = _file, ContentFormat = CoapContentFormat.OctetStream });
        _device.Client.Run(0);
        _device.Client.Run(0);
        Assert.Equal(FirmwareState.Downloading, _device.Firmware.State);
        _server.Reconnect();
        _device.Client.Detach();
        _device.Attach(_server);
        for (int i = 0; i < 100 && answers.Count == 0; i++)
            _device.Client.Run(1000);
        Assert.Equal(CoapCode.Changed, answers.Single().Code);
        Assert.Equal(_file, _device.Sink.Package.ToArray());
        Assert.Equal(2, _device.Sink.Begun);
    }
}
