using System.Security.Cryptography;
using IotPsk.Keys.Tests.Support;

namespace IotPsk.Keys.Tests;

/// <summary>Gateways with a TPM each that join one fleet in one database.</summary>
public sealed class SharedRegistryTests : IDisposable
{
    private readonly PostgresBackEnd _postgres = new();
    private readonly Swtpm _a = new();
    private readonly ECDsa _authority = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public SharedRegistryTests()
    {
        using var a = new EsysTpm(_a.Tcti);
        FleetSetup.Init(_postgres.Source, a, new FleetSetupOptions { ServerId = "gateway-01", Authority = FleetAuthority.FromPem(_authority.ExportSubjectPublicKeyInfoPem(), "authority") });
    }

    public void Dispose()
    {
        _authority.Dispose();
        _a.Dispose();
        _postgres.Dispose();
    }

    [Fact]
    public void Gateway_killed_after_any_step_of_joining_joins_the_next_time_and_disturbs_no_other()
    {
        foreach (var step in Enum.GetValues<FleetSetupStep>())
        {
            using var swtpm = new Swtpm();
            using var tpm = new EsysTpm(swtpm.Tcti);
            var source = Gateway($"gateway-{step}");
            var export = ExportTo(tpm);

            Assert.Throws<Killed>(() => FleetSharing.Import(source, tpm, export, "x", TimeProvider.System, done =>
            {
                if (done == step)
                    throw new Killed();
            }));
            using (var registry = _postgres.Source.Open())
                Works(_a, registry);
            var (fleet, added) = FleetSharing.Import(source, tpm, export, "x");

            Assert.Equal((1, true), (added, fleet.ActiveEpoch!.IsHere));
            Assert.Empty(fleet.MissingEpochs);
            Assert.Equal(["- 0x81000001", "- 0x81010001"], swtpm.Tool("tpm2_getcap", "handles-persistent").Split('\n', StringSplitOptions.RemoveEmptyEntries));
            FleetSelfTest.Run(tpm, fleet);
            Assert.Equal(0, FleetSharing.Import(source, tpm, export, "x").Added);
        }
    }

    [Fact]
    public void Rotations_of_both_gateways_are_one_row_of_epochs()
    {
        using var swtpm = new Swtpm();
        var source = Gateway("b");
        using (var b = new EsysTpm(swtpm.Tcti))
            FleetSharing.Import(source, b, ExportTo(b), "x");

        using (var b = new EsysTpm(swtpm.Tcti))
            Assert.Equal(2, FleetRotation.Rotate(source, b, new FleetRotationOptions()).Fleet.ActiveEpoch!.Number);
        // This one has not got it, and makes the next all the same: the other gateway may be lost.
        using (var a = new EsysTpm(_a.Tcti))
            Assert.Equal(3, FleetRotation.Rotate(_postgres.Source, a, new FleetRotationOptions()).Fleet.ActiveEpoch!.Number);

        using var here = _postgres.Source.Open();
        using var there = source.Open();
        Assert.Equal([EpochState.Overlap, EpochState.Overlap, EpochState.Active], here.Fleet!.Epochs.Select(epoch => epoch.State));
        Assert.Equal(2, Assert.Single(here.Fleet.MissingEpochs).Number);
        Assert.Equal(3, Assert.Single(there.Fleet!.MissingEpochs).Number);
        Assert.Equal(2, there.RequireFleet().ActiveEpoch!.Number);
        Works(_a, here);
        Works(swtpm, there);
    }

    [Fact]
    public void Rotation_begun_on_one_gateway_is_not_finished_on_another()
    {
        using var swtpm = new Swtpm();
        using var b = new EsysTpm(swtpm.Tcti);
        var source = Gateway("b");
        FleetSharing.Import(source, b, ExportTo(b), "x");
        using (var a = new EsysTpm(_a.Tcti))
        {
            Assert.Throws<Killed>(() => FleetRotation.Rotate(_postgres.Source, a, new FleetRotationOptions(), TimeProvider.System, done =>
            {
                if (done == FleetSetupStep.KeyWrittenDown)
                    throw new Killed();
            }));
        }

        var e = Assert.Throws<RegistryException>(() => FleetRotation.Rotate(source, b, new FleetRotationOptions()));

        Assert.Contains("begun on another gateway", e.Message, StringComparison.Ordinal);
        using var again = new EsysTpm(_a.Tcti);
        Assert.True(FleetRotation.Rotate(_postgres.Source, again, new FleetRotationOptions()).Finished);
    }

    [Fact]
    public void Making_a_fleet_where_one_is_leads_to_joining_it()
    {
        using var swtpm = new Swtpm();
        using var b = new EsysTpm(swtpm.Tcti);

        var e = Assert.Throws<RegistryException>(() => FleetSetup.Init(Gateway("b"), b, new FleetSetupOptions { ServerId = "gateway-01" }));

        Assert.Equal(RegistryFault.FleetExists, e.Fault);
        Assert.Contains("iotpsk fleet import", e.Message, StringComparison.Ordinal);
    }

    private RegistrySource Gateway(string name) => _postgres.At(StateDirectory.OpenOrCreate(_postgres.Directory[name]));

    private string ExportTo(EsysTpm tpm)
    {
        var parent = StorageParent.Of(tpm);
        using var a = new EsysTpm(_a.Tcti);
        return FleetSharing.Export(
            _postgres.Source, a, parent, _authority.SignData(parent.Policy, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence), "signature");
    }

    private static void Works(Swtpm swtpm, IRegistry registry)
    {
        using var tpm = new EsysTpm(swtpm.Tcti);
        tpm.Open();
        FleetSelfTest.Run(tpm, registry.RequireFleet());
    }

    private sealed class Killed : Exception;
}
