using System.Security.Cryptography;
using System.Text.Json;
using IotPsk.Keys.Tests.Support;
using IotPsk.Shared;

namespace IotPsk.Keys.Tests;

/// <summary>Devices with keys of their own, on a software TPM and beside tpm2-tools.</summary>
public sealed class DeviceKeyTests : IDisposable
{
    private const string ToolsNoDa = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt";
    private readonly Swtpm _swtpm = new();
    private readonly TempDirectory _directory = new();
    private readonly EsysTpm _tpm;
    private readonly FleetRecord _fleet;
    private readonly DeviceKeyMaker _maker;

    public DeviceKeyTests()
    {
        _tpm = new EsysTpm(_swtpm.Tcti);
        _fleet = FleetSetup.Init(StateDirectory.OpenOrCreate(_directory["state"]), _tpm, new FleetSetupOptions { ServerId = "gateway-01" });
        _maker = new DeviceKeyMaker(_tpm, _fleet);
    }

    public void Dispose()
    {
        _tpm.Dispose();
        _swtpm.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(KeyUse.ImportedTls13Sha256, 1)]
    [InlineData(KeyUse.ImportedDtls13Sha256, 1)]
    [InlineData(KeyUse.ImportedTls13Sha384, 2)]
    public void Resident_key_gives_what_the_importer_makes_of_the_epsk_by_one_hmac_per_block(KeyUse use, int hmacs)
    {
        var epsk = RandomNumberGenerator.GetBytes(32);
        var key = _maker.Wrap("dev-1", DeviceMode.Resident, epsk, 32).Unwrap();
        var id = new KeyId("dev-1", ExternalIdentity.ResidentEpoch, use);
        byte[] expected = new byte[use.KeySize()], ipsk = new byte[use.KeySize()];
        Rfc9258.Import(epsk, PskHash.Sha256, CanonicalIdentity.Encode(id, "gateway-01"), expected);
        var before = _tpm.Counters[TpmCommand.Hmac];

        KeyDerivation.DeriveResident(_tpm, key, id, "gateway-01", ipsk);

        Assert.Equal(expected, ipsk);
        Assert.Equal(hmacs, _tpm.Counters[TpmCommand.Hmac] - before);
    }

    [Fact]
    public void Session_psk_is_that_of_the_recorded_session()
    {
        using var vectors = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Vectors", "per-session-psk.json")));
        var trace = vectors.RootElement.GetProperty("dtls12_trace");
        byte[] Bytes(string name) => Convert.FromHexString(trace.GetProperty(name).GetString()!);
        var key = _maker.Wrap("Client1", DeviceMode.Session, Bytes("permanent_key"), 28).Unwrap();
        Span<byte> message = new byte[SessionPsk.MaxMessageSize];
        var length = SessionPsk.WriteMessage(Bytes("client_random32"), Bytes("server_random32"), 28, message);
        var psk = new byte[SessionPsk.Size];

        _tpm.Hmac(key, message[..length], psk);

        Assert.Equal(Bytes("hmac_input"), message[..length].ToArray());
        Assert.Equal(Bytes("session_psk"), psk);
        Assert.Equal("", _swtpm.Tool("tpm2_getcap", "handles-transient").Trim());
    }

    [Fact]
    public void Session_psk_takes_whole_randoms_where_the_client_does()
    {
        byte[] client = RandomNumberGenerator.GetBytes(32), server = RandomNumberGenerator.GetBytes(32), message = new byte[SessionPsk.MaxMessageSize];

        Assert.Equal(81, SessionPsk.WriteMessage(client, server, 32, message));
        Assert.Equal([.. "pre master secret"u8, .. client, .. server], message);
        Assert.Equal(73, SessionPsk.WriteMessage(client, server, 28, message));
        Assert.Throws<ArgumentException>(() => SessionPsk.WriteMessage(client, server, 30, new byte[81]));
        Assert.Throws<ArgumentException>(() => SessionPsk.WriteMessage(client.AsSpan(1), server, 32, new byte[81]));
    }

    [Theory]
    [InlineData(16)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(256)]
    public void Session_key_of_any_length_is_the_hmac_key_it_stands_for(int length)
    {
        var secret = RandomNumberGenerator.GetBytes(length);
        var mac = new byte[32];

        _tpm.Hmac(_maker.Wrap("dev-1", DeviceMode.Session, secret, 32).Unwrap(), "message"u8, mac);

        Assert.Equal(HMACSHA256.HashData(secret, "message"u8), mac);
    }

    [Fact]
    public void Generated_secrets_come_from_the_tpm_and_differ()
    {
        byte[] one = new byte[DeviceKeyMaker.SecretSize], other = new byte[DeviceKeyMaker.SecretSize];
        var before = _tpm.Counters[TpmCommand.GetRandom];

        _maker.Generate(one);
        _maker.Generate(other);

        Assert.Equal(2, _tpm.Counters[TpmCommand.GetRandom] - before);
        Assert.NotEqual(one, other);
        Assert.NotEqual(new byte[32], one);
    }

    [Fact]
    public void Registry_holds_the_key_as_a_pem_and_neither_epsk_nor_epskx()
    {
        byte[] epsk = RandomNumberGenerator.GetBytes(32), epskx = new byte[32];
        Rfc9258.Extract(epsk, PskHash.Sha256, epskx);
        var state = StateDirectory.Open(_directory["state"]);
        using (var registry = SqliteRegistry.Open(state))
        {
            registry.EnrolWithKeys([_maker.Wrap("dev-1", DeviceMode.Resident, epsk, 32)]);
            Assert.Equal(DeviceMode.Resident, registry.Find("dev-1")!.Mode);
            Assert.StartsWith("-----BEGIN TSS2 PRIVATE KEY-----\n", registry.FindKey("dev-1")!.Pem, StringComparison.Ordinal);
            Assert.Null(registry.FindKey("dev-2"));
        }

        foreach (var file in Directory.GetFiles(state.Path))
        {
            Assert.Equal(-1, File.ReadAllBytes(file).AsSpan().IndexOf(epsk));
            Assert.Equal(-1, File.ReadAllBytes(file).AsSpan().IndexOf(epskx));
        }
    }

    [Fact]
    public void Enrolling_with_keys_is_all_or_none_and_replaces_no_key()
    {
        using var registry = SqliteRegistry.Open(StateDirectory.Open(_directory["state"]));
        var key = _maker.Wrap("dev-1", DeviceMode.Session, new byte[32], 32);
        registry.EnrolWithKeys([key]);

        var e = Assert.Throws<RegistryException>(() => registry.EnrolWithKeys([key with { Id = "dev-0" }, key with { Pem = "other" }]));

        Assert.Equal(RegistryFault.DeviceExists, e.Fault);
        Assert.Null(registry.Find("dev-0"));
        Assert.Equal(key.Pem, registry.FindKey("dev-1")!.Pem);
        Assert.Equal(RegistryFault.InvalidValue, Assert.Throws<RegistryException>(() => registry.EnrolWithKeys([key with { Id = "a b" }])).Fault);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Key_that_tpm2_tools_wrapped_under_a_primary_key_is_taken_whichever_template_it_has(bool noDa)
    {
        var secret = RandomNumberGenerator.GetBytes(32);
        var pem = ToolsPem(secret, noDa);
        var file = Tss2PrivateKey.Read(pem, "x.pem");

        var record = _maker.Take("dev-1", DeviceMode.Session, file, "x.pem", 32);

        var mac = new byte[32];
        _tpm.Hmac(record.Unwrap(), "message"u8, mac);
        Assert.Equal(HMACSHA256.HashData(secret, "message"u8), mac);
        Assert.Equal(Tss2PrivateKey.OwnerHierarchy, file.Parent);
        Assert.Equal(noDa ? 0x81000001 : 0x81000002u, record.Unwrap().Parent.Handle);
        Assert.Equal(pem, file.Write());
        Assert.Contains("noda", DeviceKeyMaker.Warn(file, "x.pem"), StringComparison.Ordinal);
        // Once more: the primary key that was kept is found again.
        Assert.Equal(record.ParentName, _maker.Take("dev-2", DeviceMode.Session, file, "x.pem", 32).ParentName);
        Assert.DoesNotContain("0x81000003", _swtpm.Tool("tpm2_getcap", "handles-persistent"), StringComparison.Ordinal);
    }

    [Fact]
    public void Key_that_tpm2_tools_wrapped_under_a_persistent_parent_is_taken_and_written_as_they_do()
    {
        var secret = RandomNumberGenerator.GetBytes(32);
        var pem = ToolsPem(secret, noDa: true, parent: "0x81000001");
        var file = Tss2PrivateKey.Read(pem, "x.pem");

        var mac = new byte[32];
        _tpm.Hmac(_maker.Take("dev-1", DeviceMode.Session, file, "x.pem", 32).Unwrap(), "message"u8, mac);

        Assert.Equal(HMACSHA256.HashData(secret, "message"u8), mac);
        Assert.Equal(0x81000001u, file.Parent);
        Assert.Equal(pem, file.Write());
    }

    [Fact]
    public void Tpm2_tools_load_and_use_the_key_of_the_registry()
    {
        var secret = RandomNumberGenerator.GetBytes(32);
        var ours = Tss2PrivateKey.Read(_maker.Wrap("dev-1", DeviceMode.Session, secret, 32).Pem, "ours");
        File.WriteAllBytes(_directory["key.pub"], ours.Public);
        File.WriteAllBytes(_directory["key.priv"], ours.Private);
        File.WriteAllText(_directory["message"], "message");

        _swtpm.Tool("tpm2_load", "-C", $"0x{ours.Parent:x}", "-u", _directory["key.pub"], "-r", _directory["key.priv"], "-c", _directory["key.ctx"]);
        var mac = _swtpm.Tool("tpm2_hmac", "-c", _directory["key.ctx"], "-g", "sha256", "--hex", _directory["message"]).Trim();

        Assert.Equal(Convert.ToHexStringLower(HMACSHA256.HashData(secret, "message"u8)), mac);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("0x81000001")]
    public void Key_of_another_tpm_is_refused_with_the_parents_that_were_tried(string? parent)
    {
        using var other = new Swtpm();
        using (var tpm = new EsysTpm(other.Tcti))
        {
            tpm.Open();
            tpm.EnsureStorageRoot(0x81000001);
        }

        var file = Tss2PrivateKey.Read(ToolsPem(new byte[32], noDa: true, parent, other), "x.pem");

        var e = Assert.Throws<DeviceKeyException>(() => _maker.Take("dev-1", DeviceMode.Session, file, "x.pem", 32));

        Assert.Contains(parent ?? "0x30472", e.Message, StringComparison.Ordinal);
        Assert.Contains(parent ?? "0x30072", e.Message, StringComparison.Ordinal);
        Assert.Equal("", _swtpm.Tool("tpm2_getcap", "handles-transient").Trim());
        var elsewhere = file with { Parent = 0x81000077 };
        Assert.Contains("has no key", Assert.Throws<DeviceKeyException>(() => _maker.Take("dev-1", DeviceMode.Session, elsewhere, "x.pem", 32)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Key_of_another_kind_is_refused()
    {
        _swtpm.Tool("tpm2_create", "-C", "0x81000001", "-G", "ecc", "-u", _directory["k.pub"], "-r", _directory["k.priv"]);
        var ecc = new Tss2PrivateKey(0x81000001, File.ReadAllBytes(_directory["k.pub"]), File.ReadAllBytes(_directory["k.priv"]), true);
        _swtpm.Tool("tpm2_create", "-C", "0x81000001", "-G", "hmac:sha1", "-u", _directory["h.pub"], "-r", _directory["h.priv"]);
        var sha1 = new Tss2PrivateKey(0x81000001, File.ReadAllBytes(_directory["h.pub"]), File.ReadAllBytes(_directory["h.priv"]), true);

        Assert.Contains("an ECC key", Refusal(ecc), StringComparison.Ordinal);
        Assert.Contains("no key for HMAC with SHA-256", Refusal(sha1), StringComparison.Ordinal);
        Assert.Contains("too short", Refusal(ecc with { Public = [0, 1, 0] }), StringComparison.Ordinal);

        string Refusal(Tss2PrivateKey file) =>
            Assert.Throws<DeviceKeyException>(() => _maker.Take("dev-1", DeviceMode.Session, file, "x.pem", 32)).Message;
    }

    [Fact]
    public void Service_keys_resident_and_session_devices_by_their_own_keys()
    {
        byte[] epsk = RandomNumberGenerator.GetBytes(32), k = RandomNumberGenerator.GetBytes(32);
        byte[] client = RandomNumberGenerator.GetBytes(32), server = RandomNumberGenerator.GetBytes(32);
        using var registry = SqliteRegistry.Open(StateDirectory.Open(_directory["state"]));
        registry.EnrolWithKeys([_maker.Wrap("res", DeviceMode.Resident, epsk, 32), _maker.Wrap("ses", DeviceMode.Session, k, 28)]);
        using var owner = new TpmOwner(new EsysTpm(_swtpm.Tcti), new TpmOwnerOptions(), TimeProvider.System, FleetSelfTest.For(registry));
        using var service = new KeyService(registry, owner, new KeyServiceOptions(), TimeProvider.System);
        var authority = new PskAuthority(registry);
        var resident = authority.Identify(CanonicalIdentity.Encode(new KeyId("res", ExternalIdentity.ResidentEpoch, KeyUse.ImportedTls13Sha256), "gateway-01"), PskProtocol.Tls13);
        var session = authority.Identify("ses~s"u8, PskProtocol.Tls12);
        Assert.True(resident.IsAccepted && session.IsAccepted && session.Key.IsPerSession);
        byte[] expected = new byte[32], message = new byte[SessionPsk.MaxMessageSize];
        Rfc9258.Import(epsk, PskHash.Sha256, CanonicalIdentity.Encode(resident.Key, "gateway-01"), expected);
        var length = SessionPsk.WriteMessage(client, server, 28, message);

        Assert.Equal(expected, KeyAnswer.To(service, resident.Key).Await().Key);
        Assert.Equal(HMACSHA256.HashData(k, message.AsSpan(0, length)), KeyAnswer.ToSession(service, session.Key, client, server).Await().Key);
        var hmacs = owner.Counters[TpmCommand.Hmac];
        Assert.Equal((KeyStatus.Ok, 0), (KeyAnswer.To(service, resident.Key).Await().Status, KeyAnswer.To(service, resident.Key).Await().TpmCommands));
        Assert.Equal(KeyStatus.Ok, KeyAnswer.ToSession(service, session.Key, client, server).Await().Status);
        Assert.Equal(1, owner.Counters[TpmCommand.Hmac] - hmacs);
    }

    [Fact]
    public void Damaged_key_in_the_registry_fails_its_device_alone()
    {
        using var registry = SqliteRegistry.Open(StateDirectory.Open(_directory["state"]));
        registry.EnrolWithKeys([_maker.Wrap("ses", DeviceMode.Session, new byte[32], 32) with { Pem = "damaged" }]);
        using var owner = new TpmOwner(new EsysTpm(_swtpm.Tcti), new TpmOwnerOptions(), TimeProvider.System);
        using var service = new KeyService(registry, owner, new KeyServiceOptions(), TimeProvider.System);

        var answer = KeyAnswer.ToSession(service, new KeyId("ses", ExternalIdentity.SessionEpoch, KeyUse.Session12), new byte[32], new byte[32]).Await();

        Assert.Equal(KeyStatus.TpmFailed, answer.Status);
        Assert.Contains("'ses'", answer.Problem, StringComparison.Ordinal);
        Assert.True(owner.Health.Ready);
    }

    [Fact]
    public void Credentials_of_a_key_of_its_own_cannot_be_derived()
    {
        var device = new DeviceRecord("dev-1", DeviceMode.Resident, DateTimeOffset.UnixEpoch, null, 1);

        Assert.Contains("handed out at its enrolment", Assert.Throws<RegistryException>(() => DeviceKey.Derive(_tpm, _fleet, device, KeyUse.Psk12)).Message, StringComparison.Ordinal);
    }

    /// <summary>createprimary, import -G hmac, load, encodeobject.</summary>
    private string ToolsPem(byte[] secret, bool noDa, string? parent = null, Swtpm? tpm = null)
    {
        tpm ??= _swtpm;
        File.WriteAllBytes(_directory["raw.key"], secret);
        var context = parent ?? _directory["parent.ctx"];
        if (parent is null)
            tpm.Tool("tpm2_createprimary", ["-C", "o", "-G", "ecc", "-c", context, .. noDa ? (string[])["-a", ToolsNoDa] : []]);
        tpm.Tool("tpm2_import", "-C", context, "-G", "hmac", "-i", _directory["raw.key"], "-u", _directory["key.pub"], "-r", _directory["key.priv"]);
        tpm.Tool("tpm2_flushcontext", "-t");
        tpm.Tool("tpm2_encodeobject", "-C", context, "-u", _directory["key.pub"], "-r", _directory["key.priv"], "-o", _directory["key.pem"]);
        tpm.Tool("tpm2_flushcontext", "-t");
        return File.ReadAllText(_directory["key.pem"]);
    }
}
