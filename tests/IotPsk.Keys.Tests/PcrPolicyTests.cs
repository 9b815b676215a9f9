using System.Security.Cryptography;
using IotPsk.Keys.Tests.Support;
using IotPsk.TestSupport;

namespace IotPsk.Keys.Tests;

/// <summary>Fleet keys that work while the machine's PCRs are as they were.</summary>
public sealed class PcrPolicyTests : IDisposable
{
    private static readonly string Changed = "sha256=" + new string('a', 64);
    private readonly Swtpm _swtpm = new();
    private readonly TempDirectory _directory = new();

    private StateDirectory State => StateDirectory.OpenOrCreate(_directory["state"]);

    public void Dispose()
    {
        _swtpm.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(false, "")]
    [InlineData(false, "between us")]
    [InlineData(true, "")]
    [InlineData(true, "between us")]
    public void Key_works_until_one_of_its_pcrs_changes_and_again_when_the_machine_starts_as_before(bool encrypt, string auth)
    {
        var fleet = Init("sha256:0,2,7", encrypt, auth);
        var expected = Answer(fleet, encrypt, auth);
        _swtpm.Tool("tpm2_pcrextend", "8:" + Changed);
        Assert.Equal(expected, Answer(fleet, encrypt, auth));
        Assert.Equal(expected, fleet.ActiveEpoch!.CheckValue);

        _swtpm.Tool("tpm2_pcrextend", "7:" + Changed);

        var e = Assert.Throws<TpmException>(() => Answer(fleet, encrypt, auth));
        Assert.Equal(TpmFault.PcrChanged, e.Fault);
        Assert.Contains("sha256:0,2,7", e.Message, StringComparison.Ordinal);
        Assert.Contains("fleet rotate", e.Message, StringComparison.Ordinal);
        _swtpm.Kill();
        _swtpm.Start();
        Assert.Equal(expected, Answer(fleet, encrypt, auth));
        Assert.Equal("", _swtpm.Tool("tpm2_getcap", "handles-loaded-session").Trim());
    }

    [Fact]
    public void Nobody_uses_the_key_by_a_password_and_its_attributes_say_so()
    {
        Init("sha256:0", false, "");

        Assert.Contains("value: fixedtpm|fixedparent|sensitivedataorigin|noda|sign", _swtpm.Tool("tpm2_readpublic", "-c", "0x81010001"), StringComparison.Ordinal);
        File.WriteAllText(_directory["message"], "x");
        Assert.ThrowsAny<Exception>(() => _swtpm.Tool("tpm2_hmac", "-c", "0x81010001", "-g", "sha256", _directory["message"]));
        // By its policy tpm2-tools can.
        _swtpm.Tool("tpm2_startauthsession", "--policy-session", "-S", _directory["session"]);
        _swtpm.Tool("tpm2_policypcr", "-S", _directory["session"], "-l", "sha256:0");
        _swtpm.Tool("tpm2_hmac", "-c", "0x81010001", "-g", "sha256", "-p", "session:" + _directory["session"], _directory["message"]);
        _swtpm.Tool("tpm2_flushcontext", _directory["session"]);
    }

    [Fact]
    public void The_authorisation_value_is_needed_beside_the_pcrs()
    {
        var fleet = Init("sha256:0", false, "between us");

        Assert.Equal(TpmFault.AuthorizationFailed, Assert.Throws<TpmException>(() => Answer(fleet, false, "guessed")).Fault);
        Assert.Equal(TpmFault.PcrChanged, Assert.Throws<TpmException>(() => Answer(fleet, false, "")).Fault);
    }

    [Fact]
    public void Each_use_is_one_command_more_in_a_session_that_is_kept()
    {
        var fleet = Init("sha256:0,7", false, "");
        using var tpm = Open();
        var first = FleetSelfTest.Answer(tpm, fleet.ServerId, fleet.ActiveEpoch!.Key);
        var before = tpm.Counters.Total;

        for (var i = 0; i < 5; i++)
            Assert.Equal(first, FleetSelfTest.Answer(tpm, fleet.ServerId, fleet.ActiveEpoch.Key));

        Assert.Equal(10, tpm.Counters.Total - before);
        Assert.Equal(1, tpm.Counters[TpmCommand.StartAuthSession]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_the_key_answers_crosses_the_bus_encrypted_where_that_is_asked_for(bool encrypt)
    {
        var fleet = Init("sha256:0", false, "");
        using var proxy = new TpmProxy(_swtpm.Port);
        using var tpm = new EsysTpm(new TpmOptions { Tcti = proxy.Tcti, EncryptSession = encrypt, StorageRoot = fleet.StorageRoot });
        tpm.Open();

        var answer = FleetSelfTest.Answer(tpm, fleet.ServerId, fleet.ActiveEpoch!.Key);

        Assert.Equal(!encrypt, proxy.Saw(answer));
    }

    [Fact]
    public void Register_that_changes_between_the_policy_and_its_use_is_looked_at_again()
    {
        var fleet = Init("sha256:0", false, "");
        using var proxy = new TpmProxy(_swtpm.Port);
        using var tpm = new EsysTpm(proxy.Tcti);
        tpm.Open();
        proxy.Fail(0x155, 0x128, 1);

        Assert.Equal(fleet.ActiveEpoch!.CheckValue, FleetSelfTest.Answer(tpm, fleet.ServerId, fleet.ActiveEpoch.Key));

        proxy.Fail(0x155, 0x128, 2);
        Assert.Throws<TpmException>(() => FleetSelfTest.Answer(tpm, fleet.ServerId, fleet.ActiveEpoch.Key));
        Assert.Equal(fleet.ActiveEpoch.CheckValue, FleetSelfTest.Answer(tpm, fleet.ServerId, fleet.ActiveEpoch.Key));
    }

    [Fact]
    public async Task Session_that_a_reset_of_the_tpm_ended_is_opened_anew_with_the_tpm()
    {
        var fleet = Init("sha256:0", false, "");
        using var owner = new TpmOwner(new EsysTpm(_swtpm.Tcti), new TpmOwnerOptions(), TimeProvider.System, tpm => FleetSelfTest.Run(tpm, fleet));
        Assert.True((await owner.CheckAsync()).Ready);
        _swtpm.Kill();
        _swtpm.Start();

        Assert.Equal(fleet.ActiveEpoch!.CheckValue, await owner.InvokeAsync(tpm => FleetSelfTest.Answer(tpm, fleet.ServerId, fleet.ActiveEpoch.Key)));
    }

    [Fact]
    public void Rotation_after_a_change_binds_the_next_key_to_what_is_there_now_and_the_old_one_can_be_retired()
    {
        Init("sha256:0,7", false, "");
        _swtpm.Tool("tpm2_pcrextend", "7:" + Changed);

        var fleet = Rotate(new FleetRotationOptions());

        Assert.Equal("sha256:0,7", fleet.ActiveEpoch!.Key.Pcr!.Text);
        Assert.Equal(fleet.ActiveEpoch.CheckValue, Answer(fleet, false, ""));
        using var tpm = Open();
        FleetSelfTest.Run(tpm, fleet);
        Assert.Equal(TpmFault.PcrChanged, Assert.Throws<TpmException>(() => FleetSelfTest.Answer(tpm, fleet.ServerId, fleet.Epoch(1)!.Key)).Fault);
        FleetRotation.Retire(State, tpm, 1);
        Assert.DoesNotContain("0x81010001", _swtpm.Tool("tpm2_getcap", "handles-persistent"), StringComparison.Ordinal);
    }

    [Fact]
    public void Rotation_ahead_of_an_update_makes_a_key_that_is_bound_to_nothing()
    {
        Init("sha256:0,7", false, "");
        var fleet = Rotate(new FleetRotationOptions { KeepsPcr = false });
        _swtpm.Tool("tpm2_pcrextend", "7:" + Changed);

        Assert.Null(fleet.ActiveEpoch!.Key.Pcr);
        Assert.Equal(fleet.ActiveEpoch.CheckValue, Answer(fleet, false, ""));
        Assert.Equal("sha384:1", Rotate(new FleetRotationOptions { KeepsPcr = false, Pcr = PcrSelection.Parse("sha384:1") }).ActiveEpoch!.Key.Pcr!.Text);
    }

    [Theory]
    [InlineData(FleetSetupStep.KeyWrittenDown)]
    [InlineData(FleetSetupStep.KeyPersistent)]
    public void Rotation_that_was_killed_before_a_change_begins_anew_after_it(object killedAfter)
    {
        Init("sha256:0,7", false, "");
        using (var tpm = Open())
        {
            Assert.Throws<InvalidOperationException>(() => FleetRotation.Rotate(State, tpm, new FleetRotationOptions(), TimeProvider.System, step =>
            {
                if (step.Equals(killedAfter))
                    throw new InvalidOperationException("killed");
            }));
        }

        _swtpm.Tool("tpm2_pcrextend", "7:" + Changed);

        var fleet = Rotate(new FleetRotationOptions());

        Assert.Equal([EpochState.Overlap, EpochState.Active], fleet.Epochs.Select(epoch => epoch.State));
        Assert.Equal(fleet.ActiveEpoch!.CheckValue, Answer(fleet, false, ""));
        Assert.Equal(2, _swtpm.Tool("tpm2_getcap", "handles-persistent").Split('\n').Count(line => line.Contains("0x8101", StringComparison.Ordinal)));
    }

    [Fact]
    public void Key_that_is_shared_is_bound_to_no_machine()
    {
        using var authority = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var tpm = new EsysTpm(_swtpm.Tcti);
        var shared = new FleetSetupOptions
        {
            ServerId = "gateway-01",
            Authority = FleetAuthority.FromPem(authority.ExportSubjectPublicKeyInfoPem(), "authority"),
            Pcr = PcrSelection.Parse("sha256:0"),
        };

        var e = Assert.Throws<RegistryException>(() => FleetSetup.Init(State, tpm, shared));

        Assert.Equal(RegistryFault.NotShareable, e.Fault);
        Assert.Contains("each machine has values of its own", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bank_that_is_switched_off_is_refused()
    {
        _swtpm.Tool("tpm2_pcrallocate", "sha1:none+sha256:all+sha384:none+sha512:none");
        _swtpm.Kill();
        _swtpm.Start();

        var e = Assert.Throws<TpmException>(() => Init("sha384:0", false, ""));

        Assert.Equal(TpmFault.NotSupported, e.Fault);
        Assert.Contains("no PCR 0 in the bank of sha384:0", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sha256:0", "sha256:0")]
    [InlineData("sha256:7,2,0,2", "sha256:0,2,7")]
    [InlineData("sha512:23", "sha512:23")]
    public void Selections_are_read_and_written(string text, string normal) => Assert.Equal(normal, PcrSelection.Parse(text).Text);

    [Theory]
    [InlineData("")]
    [InlineData("sha256")]
    [InlineData("sha256:")]
    [InlineData("sha1:0")]
    [InlineData("sha256:24")]
    [InlineData("sha256:0,x")]
    [InlineData("sha256:-1")]
    [InlineData("sha256:0:1")]
    [InlineData("none")]
    public void Selections_that_are_none_are_refused(string text) =>
        Assert.Contains("sha256:0,2,7", Assert.Throws<DeviceKeyException>(() => PcrSelection.Parse(text)).Message, StringComparison.Ordinal);

    private EsysTpm Open(bool encrypt = false, string auth = "", TpmKeyReference? root = null)
    {
        var tpm = new EsysTpm(new TpmOptions { Tcti = _swtpm.Tcti, EncryptSession = encrypt, KeyAuth = System.Text.Encoding.ASCII.GetBytes(auth), StorageRoot = root });
        tpm.Open();
        return tpm;
    }

    private FleetRecord Init(string pcr, bool encrypt, string auth)
    {
        using var tpm = Open(encrypt, auth);
        return FleetSetup.Init(State, tpm, new FleetSetupOptions { ServerId = "gateway-01", Pcr = PcrSelection.Parse(pcr) });
    }

    private FleetRecord Rotate(FleetRotationOptions options)
    {
        using var tpm = Open();
        return FleetRotation.Rotate(State, tpm, options).Fleet;
    }

    private byte[] Answer(FleetRecord fleet, bool encrypt, string auth)
    {
        using var tpm = Open(encrypt, auth, fleet.StorageRoot);
        return FleetSelfTest.Answer(tpm, fleet.ServerId, fleet.ActiveEpoch!.Key);
    }
}
