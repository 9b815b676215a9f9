using System.Security.Cryptography;
using IotPsk.Keys.Tests.Support;

namespace IotPsk.Keys.Tests;

public sealed class FleetKeyTests : IDisposable
{
    private readonly Swtpm _swtpm = new();
    private readonly TempDirectory _directory = new();

    public void Dispose()
    {
        _swtpm.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Tpm2_readpublic_shows_a_fleet_key_that_cannot_leave_the_tpm()
    {
        var fleet = Init();

        var shown = _swtpm.Tool("tpm2_readpublic", "-c", "0x81010001");

        Assert.Contains("value: fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|sign", shown, StringComparison.Ordinal);
        Assert.Contains(fleet.ActiveEpoch!.Key.NameHex, shown, StringComparison.Ordinal);
        Assert.Equal(0x81010001u, fleet.ActiveEpoch.Key.Handle);
    }

    [Fact]
    public void Storage_root_is_the_one_tpm2_tools_make_from_the_TCG_template()
    {
        var fleet = Init();
        var context = _directory["primary.ctx"];

        _swtpm.Tool(
            "tpm2_createprimary", "-C", "o", "-G", "ecc", "-c", context,
            "-a", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt");
        var shown = _swtpm.Tool("tpm2_readpublic", "-c", context);

        Assert.Contains(fleet.StorageRoot.NameHex, shown, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(KeyUse.ImportedTls13Sha256)]
    [InlineData(KeyUse.ImportedTls13Sha384)]
    [InlineData(KeyUse.ImportedDtls13Sha256)]
    public void Tpm2_hmac_over_the_derivation_input_gives_the_epsk_whose_import_the_device_gets(KeyUse use)
    {
        var fleet = Init();
        using var tpm = new EsysTpm(_swtpm.Tcti);
        tpm.Open();
        using var key = DeviceKey.Derive(tpm, fleet, Device("sensor-0001"), use);

        var epsk = ToolHmac(fleet, "iotpsk epsk\0sensor-0001\u0001");
        var expected = new byte[use.KeySize()];
        Rfc9258.Import(epsk, PskHash.Sha256, key.Identity, expected);

        Assert.Equal(expected, key.Key.ToArray());
    }

    [Theory]
    [InlineData(KeyUse.External13, "iotpsk tls13")]
    [InlineData(KeyUse.Psk12, "iotpsk tls12")]
    public void Tpm2_hmac_gives_the_plain_keys_under_their_own_labels(KeyUse use, string label)
    {
        var fleet = Init();
        using var tpm = new EsysTpm(_swtpm.Tcti);
        tpm.Open();

        using var key = DeviceKey.Derive(tpm, fleet, Device("sensor-0001"), use);

        Assert.Equal(ToolHmac(fleet, label + "\0sensor-0001\u0001"), key.Key.ToArray());
        Assert.Equal("sensor-0001~1"u8.ToArray(), key.Identity);
    }

    [Fact]
    public void Derivation_is_the_first_block_of_HKDF_Expand_so_software_can_check_it()
    {
        var secret = RandomNumberGenerator.GetBytes(32);
        var raw = _directory["hmac.key"];
        File.WriteAllBytes(raw, secret);
        _swtpm.Tool("tpm2_createprimary", "-C", "o", "-G", "ecc", "-c", _directory["parent.ctx"]);
        _swtpm.Tool(
            "tpm2_import", "-C", _directory["parent.ctx"], "-G", "hmac", "-i", raw, "-u", _directory["key.pub"], "-r", _directory["key.priv"]);
        _swtpm.Tool("tpm2_flushcontext", "-t");
        _swtpm.Tool(
            "tpm2_load", "-C", _directory["parent.ctx"], "-u", _directory["key.pub"], "-r", _directory["key.priv"], "-c", _directory["key.ctx"]);
        _swtpm.Tool("tpm2_evictcontrol", "-C", "o", "-c", _directory["key.ctx"], "0x81010042");
        _swtpm.Tool("tpm2_flushcontext", "-t");
        using var tpm = new EsysTpm(_swtpm.Tcti);
        tpm.Open();
        var reference = new TpmKeyReference(0x81010042, tpm.ReadPublic(0x81010042)!.Name);

        var message = new byte[FleetDerivation.MaxMessageSize];
        var length = FleetDerivation.WriteMessage(FleetDerivation.EpskLabel, "a.b:c_d-9", message);
        var mac = new byte[32];
        tpm.Hmac(reference, message.AsSpan(0, length), mac);

        Assert.Equal(HKDF.Expand(HashAlgorithmName.SHA256, secret, 32, "iotpsk epsk\0a.b:c_d-9"u8.ToArray()), mac);
    }

    [Fact]
    public void Fleet_key_moves_to_the_first_free_handle()
    {
        using var first = new TempDirectory();
        using var second = new TempDirectory();
        _ = Init(first.Path);

        var fleet = Init(second.Path);

        Assert.Equal(0x81010002u, fleet.ActiveEpoch!.Key.Handle);
    }

    [Fact]
    public void Something_else_at_the_storage_root_handle_is_named_and_left_alone()
    {
        _swtpm.Tool("tpm2_createprimary", "-C", "o", "-G", "rsa", "-c", _directory["rsa.ctx"]);
        _swtpm.Tool("tpm2_evictcontrol", "-C", "o", "-c", _directory["rsa.ctx"], "0x81000001");
        _swtpm.Tool("tpm2_flushcontext", "-t");

        var e = Assert.Throws<TpmException>(() => Init());

        Assert.Equal(TpmFault.KeyMismatch, e.Fault);
        Assert.Contains("0x81000001 should hold the storage root key", e.Message, StringComparison.Ordinal);
        Assert.Contains("an RSA key", e.Message, StringComparison.Ordinal);
        Assert.Contains("tpm2_evictcontrol", e.Message, StringComparison.Ordinal);
        Assert.Contains("rsa", _swtpm.Tool("tpm2_readpublic", "-c", "0x81000001"), StringComparison.Ordinal);
    }

    [Fact]
    public void Making_a_fleet_leaves_no_transient_object_in_the_tpm()
    {
        _ = Init();

        Assert.Equal("", _swtpm.Tool("tpm2_getcap", "handles-transient").Trim());
    }

    [Fact]
    public void Owner_password_is_asked_for_and_used()
    {
        _swtpm.Tool("tpm2_changeauth", "-c", "owner", "secret");

        var e = Assert.Throws<TpmException>(() => Init());
        Assert.Equal(TpmFault.AuthorizationFailed, e.Fault);
        Assert.Contains("owner hierarchy", e.Message, StringComparison.Ordinal);

        using var tpm = new EsysTpm(new TpmOptions { Tcti = _swtpm.Tcti, OwnerAuth = "secret"u8.ToArray() });
        Assert.NotNull(FleetSetup.Init(State(_directory.Path), tpm, new FleetSetupOptions { ServerId = "gw" }).ActiveEpoch);
    }

    [Fact]
    public void Key_password_given_at_birth_is_needed_at_every_use()
    {
        FleetRecord fleet;
        using (var tpm = new EsysTpm(new TpmOptions { Tcti = _swtpm.Tcti, KeyAuth = "fleet"u8.ToArray() }))
        {
            fleet = FleetSetup.Init(State(_directory.Path), tpm, new FleetSetupOptions { ServerId = "gw" });
            FleetSelfTest.Run(tpm, fleet);
        }

        using var without = new EsysTpm(_swtpm.Tcti);
        without.Open();
        var e = Assert.Throws<TpmException>(() => FleetSelfTest.Run(without, fleet));
        Assert.Equal(TpmFault.AuthorizationFailed, e.Fault);
    }

    private static StateDirectory State(string path) => StateDirectory.OpenOrCreate(path);

    private static DeviceRecord Device(string id) => new(id, DeviceMode.Derived, DateTimeOffset.UnixEpoch, null, 1);

    private FleetRecord Init(string? path = null)
    {
        using var tpm = new EsysTpm(_swtpm.Tcti);
        return FleetSetup.Init(State(path ?? _directory["state"]), tpm, new FleetSetupOptions { ServerId = "gateway-01" });
    }

    private byte[] ToolHmac(FleetRecord fleet, string message)
    {
        var input = _directory["message"];
        File.WriteAllText(input, message);
        return Convert.FromHexString(_swtpm.Tool("tpm2_hmac", "-c", $"0x{fleet.ActiveEpoch!.Key.Handle:x}", "-g", "sha256", "--hex", input).Trim());
    }
}
