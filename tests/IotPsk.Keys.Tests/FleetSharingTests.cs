using System.Security.Cryptography;
using IotPsk.Keys.Tests.Support;

namespace IotPsk.Keys.Tests;

/// <summary>Two TPMs, one fleet.</summary>
public sealed class FleetSharingTests : IDisposable
{
    private readonly Swtpm _a = new();
    private readonly Swtpm _b = new();
    private readonly TempDirectory _directory = new();
    private readonly ECDsa _authority = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly StorageParent _parent;

    public FleetSharingTests()
    {
        using var b = new EsysTpm(_b.Tcti);
        _parent = StorageParent.Of(b);
        Assert.Equal(_parent.Fingerprint, StorageParent.Read(System.Text.Encoding.ASCII.GetBytes(_parent.Write()), "b").Fingerprint);
        Assert.Equal(_parent.Fingerprint, StorageParent.Read(_parent.Wire, "b").Fingerprint);
    }

    private StateDirectory StateA => StateDirectory.OpenOrCreate(_directory["a"]);

    private StateDirectory StateB => StateDirectory.OpenOrCreate(_directory["b"]);

    public void Dispose()
    {
        _authority.Dispose();
        _a.Dispose();
        _b.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Fleet_key_is_the_same_in_both_tpms()
    {
        var fleet = Init();
        var (imported, added) = Import(Export());

        Assert.Equal(1, added);
        Assert.Equal(("gateway-01", 1), (imported.ServerId, imported.ActiveEpoch!.Number));
        Assert.Equal(fleet.ActiveEpoch!.Key.Name, imported.ActiveEpoch.Key.Name);
        Assert.Equal(fleet.ActiveEpoch.CheckValue, imported.ActiveEpoch.CheckValue);
        Assert.NotEqual(fleet.StorageRoot.Name, imported.StorageRoot.Name);
        Assert.Equal(Key(_a, fleet, "dev-1"), Key(_b, imported, "dev-1"));
        Assert.Contains("value: sensitivedataorigin|userwithauth|noda|encryptedduplication|sign", _b.Tool("tpm2_readpublic", "-c", "0x81010001"), StringComparison.Ordinal);
        Assert.Equal("", _a.Tool("tpm2_getcap", "handles-transient").Trim());
        Assert.Equal("", _a.Tool("tpm2_getcap", "handles-loaded-session").Trim());
    }

    [Fact]
    public void Next_keys_follow_with_the_signature_that_was_given_once()
    {
        Init();
        Import(Export());
        using (var a = new EsysTpm(_a.Tcti))
            FleetRotation.Rotate(StateA, a, new FleetRotationOptions { Compromised = true });

        var (fleet, added) = Import(Export());

        Assert.Equal(1, added);
        Assert.Equal([EpochState.Overlap, EpochState.Active], fleet.Epochs.Select(epoch => epoch.State));
        Assert.Equal(0, Import(Export()).Added);
        using var registry = SqliteRegistry.Open(StateA);
        Assert.Equal(Key(_a, registry.RequireFleet(), "dev-1"), Key(_b, fleet, "dev-1"));
    }

    [Fact]
    public void Gateway_that_has_a_key_already_hears_that_it_is_known_to_others()
    {
        Init();
        Import(Export());
        Rotate(_a, StateA, compromised: true);
        Rotate(_a, StateA, compromised: false);

        Import(Export());

        using var registry = SqliteRegistry.Open(StateB);
        Assert.Equal([true, false, false], registry.RequireFleet().Epochs.Select(epoch => epoch.CompromisedAt != null));
        registry.EnrolMany(["dev-1"]);
        // Whoever stole the first key is given no other one by it here either.
        Assert.Equal(RekeyVerdict.Compromised, registry.NoteRekey(new RekeyRequest("dev-1", 1, 1, 3)));
        Assert.Equal(RekeyVerdict.Granted, registry.NoteRekey(new RekeyRequest("dev-1", 1, 2, 3)));
    }

    [Fact]
    public void Key_that_was_slipped_into_an_export_is_not_taken()
    {
        // The signature is no secret, and everybody can wrap a key for a TPM: here a stranger's, who made a fleet of the same name.
        Init();
        Import(Export());
        Rotate(_a, StateA, compromised: false);
        using var strange = new Swtpm();
        var there = StateDirectory.OpenOrCreate(_directory["strange"]);
        using (var tpm = new EsysTpm(strange.Tcti))
            FleetSetup.Init(there, tpm, Options);
        Rotate(strange, there, compromised: false);
        var honest = FleetExport.Read(Export(), "x");
        var forged = FleetExport.Read(Export(_parent, Sign(_parent), strange, there), "x");
        string[] slipped =
        [
            With(honest, [honest.Epochs[0], forged.Epochs[1]]),
            With(forged, [honest.Epochs[0], forged.Epochs[1]]),
            With(honest, [forged.Epochs[1]]),
            With(honest, [honest.Epochs[0] with { Compromised = true }, honest.Epochs[1]]),
        ];

        Assert.All(slipped, export => Assert.Contains("does not come from a gateway", Assert.Throws<RegistryException>(() => Import(export)).Message, StringComparison.Ordinal));

        using (var registry = SqliteRegistry.Open(StateB))
            Assert.Null(Assert.Single(registry.RequireFleet().Epochs).CompromisedAt);
        Assert.Equal(1, Import(Export()).Added);
    }

    [Fact]
    public void Export_of_before_a_retirement_brings_the_retired_key_to_no_gateway()
    {
        Init();
        Rotate(_a, StateA, compromised: true);
        var before = Export();
        using (var a = new EsysTpm(_a.Tcti))
            FleetRotation.Retire(StateA, a, 1);
        Import(Export());

        var e = Assert.Throws<RegistryException>(() => Import(before));

        Assert.Contains("epoch 1", e.Message, StringComparison.Ordinal);
        using var registry = SqliteRegistry.Open(StateB);
        Assert.Equal((2, EpochState.Active), (Assert.Single(registry.RequireFleet().Epochs).Number, registry.RequireFleet().Epochs[0].State));
    }

    [Fact]
    public void Both_gateways_can_rotate_but_not_apart()
    {
        Init();
        Import(Export());
        using (var a = new EsysTpm(_a.Tcti))
            FleetRotation.Rotate(StateA, a, new FleetRotationOptions());
        using (var b = new EsysTpm(_b.Tcti))
            FleetRotation.Rotate(StateB, b, new FleetRotationOptions());

        var e = Assert.Throws<RegistryException>(() => Import(Export()));

        Assert.Contains("rotated apart", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Signature_for_one_parent_opens_the_way_to_no_other()
    {
        Init();
        using var c = new Swtpm();
        using var tpm = new EsysTpm(c.Tcti);
        var other = StorageParent.Of(tpm);

        var e = Assert.Throws<TpmException>(() => Export(other, Sign(_parent)));

        Assert.Equal(TpmFault.Refused, e.Fault);
        Assert.Contains("not the fleet authority's for this parent", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Signature_of_somebody_else_opens_nothing()
    {
        Init();
        using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        Assert.Equal(TpmFault.Refused, Assert.Throws<TpmException>(() => Export(_parent, Sign(_parent, stranger))).Fault);
        Assert.Throws<DeviceKeyException>(() => Export(_parent, [1, 2, 3]));
    }

    [Fact]
    public void Tpm_itself_refuses_what_the_authority_did_not_sign()
    {
        // With tpm2-tools, past all checks of ours: by password, and under a policy for a parent of one's own.
        Init();
        File.WriteAllBytes(_directory["parent.pub"], StorageParentWire());
        _a.Tool("tpm2_loadexternal", "-C", "n", "-u", _directory["parent.pub"], "-c", _directory["parent.ctx"]);

        Assert.ThrowsAny<Exception>(() => _a.Tool("tpm2_duplicate", "-C", _directory["parent.ctx"], "-c", "0x81010001", "-G", "aes",
            "-o", _directory["inner"], "-r", _directory["dup"], "-s", _directory["seed"]));
        _a.Tool("tpm2_startauthsession", "--policy-session", "-S", _directory["session"]);
        _a.Tool("tpm2_readpublic", "-c", "0x81010001", "-n", _directory["key.name"]);
        _a.Tool("tpm2_readpublic", "-c", _directory["parent.ctx"], "-n", _directory["parent.name"]);
        _a.Tool("tpm2_policyduplicationselect", "-S", _directory["session"], "-N", _directory["parent.name"], "-n", _directory["key.name"], "-L", _directory["policy"]);
        Assert.ThrowsAny<Exception>(() => _a.Tool("tpm2_duplicate", "-C", _directory["parent.ctx"], "-c", "0x81010001", "-G", "aes",
            "-p", "session:" + _directory["session"], "-o", _directory["inner"], "-r", _directory["dup"], "-s", _directory["seed"]));
    }

    [Fact]
    public void Export_is_good_in_the_tpm_it_was_made_for_alone()
    {
        Init();
        var export = Export();
        using var c = new Swtpm();

        var e = Assert.Throws<TpmException>(() => Import(export, c.Tcti, _directory["c"]));

        Assert.Equal(TpmFault.KeyMismatch, e.Fault);
        Assert.Contains(_parent.Fingerprint, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fleet_of_another_name_or_authority_is_never_mixed_in()
    {
        Init();
        var export = Export();
        using (var b = new EsysTpm(_b.Tcti))
            FleetSetup.Init(StateB, b, new FleetSetupOptions { ServerId = "other" });

        Assert.Contains("'other'", Assert.Throws<RegistryException>(() => Import(export)).Message, StringComparison.Ordinal);

        using (var b = new EsysTpm(_b.Tcti))
            FleetSetup.Init(StateDirectory.OpenOrCreate(_directory["c"]), b, new FleetSetupOptions { ServerId = "gateway-01" });
        Assert.Contains("another authority", Assert.Throws<RegistryException>(() => Import(export, state: _directory["c"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Key_that_was_made_to_stay_stays()
    {
        using (var a = new EsysTpm(_a.Tcti))
            FleetSetup.Init(StateA, a, new FleetSetupOptions { ServerId = "gateway-01" });

        Assert.Equal(RegistryFault.NotShareable, Assert.Throws<RegistryException>(() => Export()).Fault);
    }

    [Fact]
    public void Import_killed_after_any_step_is_finished_by_the_next_one()
    {
        Init();
        var export = Export();
        foreach (var step in Enum.GetValues<FleetSetupStep>())
        {
            using var tpm = new EsysTpm(_b.Tcti);
            var state = StateDirectory.OpenOrCreate(_directory[step.ToString()]);
            Assert.Throws<Killed>(() => FleetSharing.Import(state, tpm, export, "x", TimeProvider.System, done =>
            {
                if (done == step)
                    throw new Killed();
            }));

            var fleet = FleetSharing.Import(state, tpm, export, "x").Fleet;

            Assert.Equal(EpochState.Active, Assert.Single(fleet.Epochs).State);
            FleetSelfTest.Run(tpm, fleet);
        }
    }

    [Fact]
    public void Damaged_export_is_refused_in_words()
    {
        Init();
        var export = Export();
        string[] damaged = ["", "{}", "[]", export[..^20], export.Replace("\"seed\": \"A", "\"seed\": \"B", StringComparison.Ordinal), export.Replace("\"epoch\": 1", "\"epoch\": 0", StringComparison.Ordinal)];

        Assert.All(damaged, text => Assert.Throws<DeviceKeyException>(() => Import(text)));
        var changed = FleetExport.Read(export, "x");
        changed.Epochs[0].Key.Duplicate[40] ^= 1;
        Assert.Throws<TpmException>(() => Import(changed.Write()));
        using var registry = SqliteRegistry.OpenOrCreate(StateB);
        Assert.Null(registry.Fleet);
    }

    [Fact]
    public void Partner_takes_over_the_registry_of_a_gateway_whose_tpm_died()
    {
        var fleet = Init();
        // The partner's handles are others.
        using (var b = new EsysTpm(_b.Tcti))
            FleetSetup.Init(StateDirectory.OpenOrCreate(_directory["something-else"]), b, new FleetSetupOptions { ServerId = "other" });
        Import(Export());
        using (var registry = SqliteRegistry.Open(StateA))
        {
            registry.EnrolMany(["dev-1", "dev-2"]);
            registry.Revoke("dev-2");
            RegistryBackup.Write(registry, _directory["backup"]);
        }

        var expected = Key(_a, fleet, "dev-1");
        _a.Kill();

        using var partner = new EsysTpm(_b.Tcti);
        var (restored, devices) = RegistryBackup.Restore(StateB, partner, _directory["backup"], replace: true);

        Assert.Equal(2, devices);
        Assert.Equal(0x81010002u, restored.ActiveEpoch!.Key.Handle);
        Assert.Equal(expected, Key(_b, restored, "dev-1"));
        using var there = SqliteRegistry.Open(StateB);
        Assert.True(there.Find("dev-2")!.IsRevoked);
        FleetRotation.Rotate(StateB, partner, new FleetRotationOptions());
    }

    [Fact]
    public void Tpm_without_the_keys_does_not_take_over()
    {
        Init();
        using (var registry = SqliteRegistry.Open(StateA))
            RegistryBackup.Write(registry, _directory["backup"]);
        using var tpm = new EsysTpm(_b.Tcti);

        Assert.Contains("fleet import", Assert.Throws<TpmException>(() => RegistryBackup.Restore(StateB, tpm, _directory["backup"], replace: false)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "private key")]
    [InlineData("hello", "no public key")]
    [InlineData("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "cannot be read")]
    public void Authority_that_is_none_is_refused(string pem, string words) =>
        Assert.Contains(words, Assert.Throws<DeviceKeyException>(() => FleetAuthority.FromPem(pem, "x.pem")).Message, StringComparison.Ordinal);

    [Fact]
    public void Authority_on_another_curve_is_refused()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);

        Assert.Contains("P-256", Assert.Throws<DeviceKeyException>(() => FleetAuthority.FromPem(key.ExportSubjectPublicKeyInfoPem(), "x")).Message, StringComparison.Ordinal);
    }

    private FleetRecord Init()
    {
        using var a = new EsysTpm(_a.Tcti);
        return FleetSetup.Init(StateA, a, Options);
    }

    private FleetSetupOptions Options => new() { ServerId = "gateway-01", Authority = FleetAuthority.FromPem(_authority.ExportSubjectPublicKeyInfoPem(), "authority") };

    private static void Rotate(Swtpm swtpm, StateDirectory state, bool compromised)
    {
        using var tpm = new EsysTpm(swtpm.Tcti);
        FleetRotation.Rotate(state, tpm, new FleetRotationOptions { Compromised = compromised });
    }

    private static string With(FleetExport export, FleetExport.Epoch[] epochs) => (export with { Epochs = epochs }).Write();

    private byte[] StorageParentWire()
    {
        using var b = new EsysTpm(_b.Tcti);
        return StorageParent.Of(b).Wire;
    }

    private byte[] Sign(StorageParent parent, ECDsa? by = null) =>
        (by ?? _authority).SignData(parent.Policy, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);

    private string Export() => Export(_parent, Sign(_parent));

    private string Export(StorageParent parent, byte[] signature, Swtpm? from = null, StateDirectory? state = null)
    {
        using var a = new EsysTpm((from ?? _a).Tcti);
        return FleetSharing.Export(state ?? StateA, a, parent, signature, "signature");
    }

    private (FleetRecord Fleet, int Added) Import(string export, string? tcti = null, string? state = null)
    {
        using var tpm = new EsysTpm(tcti ?? _b.Tcti);
        return FleetSharing.Import(state is null ? StateB : StateDirectory.OpenOrCreate(state), tpm, export, "export");
    }

    private static string Key(Swtpm swtpm, FleetRecord fleet, string device)
    {
        using var tpm = new EsysTpm(swtpm.Tcti);
        tpm.Open();
        using var key = DeviceKey.Derive(tpm, fleet, new DeviceRecord(device, DeviceMode.Derived, DateTimeOffset.UnixEpoch, null, 1), KeyUse.Psk12);
        return Convert.ToHexString(key.Key);
    }

    private sealed class Killed : Exception;
}
