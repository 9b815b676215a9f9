using System.Buffers.Binary;
using System.Security.Cryptography;
using IotPsk.Keys.Tests.Support;
using IotPsk.TestSupport;

namespace IotPsk.Keys.Tests;

/// <summary>What a TPM may answer, injected between tpm2-tss and a real swtpm.</summary>
public sealed class TpmResponseTests : IDisposable
{
    private const uint CommandHmac = 0x155;
    private const uint CommandGetCapability = 0x17a;
    private const uint CommandCreate = 0x153;
    private const uint CommandEvictControl = 0x120;
    private readonly Swtpm _swtpm = new();
    private readonly TempDirectory _directory = new();
    private readonly FakeTimeProvider _time = new();
    private readonly TpmProxy _proxy;

    public TpmResponseTests() => _proxy = new TpmProxy(_swtpm.Port);

    public void Dispose()
    {
        _proxy.Dispose();
        _swtpm.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(0x922)] // RETRY
    [InlineData(0x908)] // YIELDED
    [InlineData(0x90a)] // TESTING
    [InlineData(0x920)] // NV_RATE
    public void Busy_tpm_is_asked_again(uint responseCode)
    {
        var fleet = Init();
        using var tpm = new EsysTpm(_proxy.Tcti);
        tpm.Open();
        _proxy.Fail(CommandHmac, responseCode, 3);

        FleetSelfTest.Run(tpm, fleet);
    }

    [Fact]
    public void Tpm_that_stays_busy_is_said_so_after_a_bounded_number_of_tries()
    {
        var fleet = Init();
        using var tpm = new EsysTpm(_proxy.Tcti);
        tpm.Open();
        _proxy.Fail(CommandHmac, 0x920, int.MaxValue);

        var e = Assert.Throws<TpmException>(() => FleetSelfTest.Run(tpm, fleet));

        Assert.Equal((TpmFault.Busy, 0x920u), (e.Fault, e.ResponseCode));
        Assert.Equal(7, tpm.Counters[TpmCommand.Hmac]);
        Assert.Equal(7, tpm.Counters.Failed);
    }

    [Theory]
    [InlineData(0x910)] // REFERENCE_H0: handle gone
    [InlineData(0x918)] // REFERENCE_S0: session gone
    [InlineData(0x100)] // INITIALIZE: reset without startup
    public async Task Reset_tpm_is_reopened_and_the_request_repeated(uint responseCode)
    {
        var fleet = Init();
        using var owner = new TpmOwner(new EsysTpm(_proxy.Tcti), new TpmOwnerOptions(), _time, tpm => FleetSelfTest.Run(tpm, fleet));
        await owner.CheckAsync();
        _proxy.Fail(CommandHmac, responseCode, 1);

        await owner.CheckAsync();

        Assert.Equal(2, owner.OpenedCount);
    }

    [Fact]
    public async Task Connection_that_dies_in_the_middle_is_reopened()
    {
        var fleet = Init();
        using var owner = new TpmOwner(new EsysTpm(_proxy.Tcti), new TpmOwnerOptions(), _time, tpm => FleetSelfTest.Run(tpm, fleet));
        await owner.CheckAsync();
        var once = true;
        _proxy.Answer = (code, answer) => code == CommandHmac && Take(ref once) ? null : answer;

        await owner.CheckAsync();

        Assert.Equal(2, owner.OpenedCount);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    [InlineData(12)]
    [InlineData(40)]
    public async Task Truncated_answer_is_a_failure_and_no_key(int length)
    {
        var fleet = Init();
        using var owner = new TpmOwner(new EsysTpm(_proxy.Tcti), new TpmOwnerOptions(), _time, tpm => FleetSelfTest.Run(tpm, fleet));
        await owner.CheckAsync();
        var always = true;
        _proxy.Answer = (code, answer) => code == CommandHmac && always ? Shorten(answer, length) : answer;

        await Assert.ThrowsAsync<TpmException>(() => owner.CheckAsync());

        always = false;
        _time.Advance(TimeSpan.FromSeconds(1));
        await owner.CheckAsync();
    }

    [Fact]
    public void Other_mac_is_caught_by_the_self_test()
    {
        var fleet = Init();
        using var tpm = new EsysTpm(_proxy.Tcti);
        tpm.Open();
        _proxy.Answer = (code, answer) =>
        {
            if (code == CommandHmac)
                RandomNumberGenerator.Fill(answer.AsSpan(16, 32));
            return answer;
        };

        Assert.Equal(TpmFault.KeyMismatch, Assert.Throws<TpmException>(() => FleetSelfTest.Run(tpm, fleet)).Fault);
    }

    [Fact]
    public void Tpm_without_the_hmac_command_is_refused_at_opening()
    {
        // The list of commands from TPM2_HMAC on begins with the next one.
        _proxy.Answer = (code, answer) =>
        {
            if (code == CommandGetCapability && BinaryPrimitives.ReadUInt32BigEndian(answer.AsSpan(11)) == 2)
                BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(19), 0x02000156);
            return answer;
        };
        using var tpm = new EsysTpm(_proxy.Tcti);

        var e = Assert.Throws<TpmException>(tpm.Open);

        Assert.Equal(TpmFault.NotSupported, e.Fault);
        Assert.Contains("no TPM2_HMAC command", e.Message, StringComparison.Ordinal);
        Assert.False(tpm.IsOpen);
    }

    [Theory]
    [InlineData(CommandHmac, 0x921, TpmFault.Lockout, "lockout")]
    [InlineData(CommandHmac, 0x9a2, TpmFault.AuthorizationFailed, "password")]
    [InlineData(CommandHmac, 0x143, TpmFault.NotSupported, "does not have this command")]
    [InlineData(CommandHmac, 0x101, TpmFault.Failed, "failure mode")]
    [InlineData(CommandHmac, 0x3ff, TpmFault.Failed, "tpm2_rc_decode 0x3ff")]
    [InlineData(CommandCreate, 0x902, TpmFault.NoSpace, "tpm2_flushcontext")]
    [InlineData(CommandEvictControl, 0x14b, TpmFault.NoSpace, "no room")]
    public void Response_codes_are_explained(uint commandCode, uint responseCode, TpmFault fault, string text)
    {
        _proxy.Fail(commandCode, responseCode, int.MaxValue);

        var e = Assert.Throws<TpmException>(() => Init());

        Assert.Equal((fault, responseCode), (e.Fault, e.ResponseCode));
        Assert.Contains(text, e.Message, StringComparison.Ordinal);
        Assert.Contains(_proxy.Tcti, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Init_whose_tpm_failed_once_is_finished_by_the_next_one()
    {
        _proxy.Fail(CommandEvictControl, 0x14b, int.MaxValue);
        Assert.Throws<TpmException>(() => Init());
        _proxy.Answer = static (_, answer) => answer;

        Assert.Equal(0x81010001u, Init().ActiveEpoch!.Key.Handle);
        Assert.Equal("", _swtpm.Tool("tpm2_getcap", "handles-transient").Trim());
    }

    private static bool Take(ref bool flag)
    {
        var was = flag;
        flag = false;
        return was;
    }

    /// <summary>The answer cut to a length, its header saying so.</summary>
    private static byte[]? Shorten(byte[] answer, int length)
    {
        var cut = answer[..length];
        if (length >= 6)
            BinaryPrimitives.WriteUInt32BigEndian(cut.AsSpan(2), (uint)length);
        return length == 0 ? null : cut;
    }

    private FleetRecord Init()
    {
        using var tpm = new EsysTpm(_proxy.Tcti);
        return FleetSetup.Init(StateDirectory.OpenOrCreate(_directory["state"]), tpm, new FleetSetupOptions { ServerId = "gateway-01" });
    }
}
