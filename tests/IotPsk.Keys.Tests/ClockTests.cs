using IotPsk.Keys.Tests.Support;
using IotPsk.TestSupport;

namespace IotPsk.Keys.Tests;

/// <summary>A machine whose clock was set back, as one without a battery starts: nothing that counts rests on its times.</summary>
public sealed class ClockTests : IDisposable
{
    private readonly Swtpm _swtpm = new();
    private readonly TempDirectory _directory = new();
    private readonly FakeTimeProvider _now = new();
    private readonly FakeTimeProvider _later = new();

    public ClockTests() => _later.Advance(TimeSpan.FromDays(400));

    private StateDirectory State => StateDirectory.OpenOrCreate(_directory["state"]);

    public void Dispose()
    {
        _swtpm.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Fleet_goes_through_its_life_and_others_see_each_step()
    {
        using var tpm = new EsysTpm(_swtpm.Tcti);
        FleetSetup.Init(State, tpm, new FleetSetupOptions { ServerId = "gateway-01" }, _later);
        using (var registry = SqliteRegistry.Open(State, _later))
        {
            registry.EnrolMany(["dev-1", "dev-2"]);
            registry.Revoke("dev-1");
        }

        using var watching = SqliteRegistry.Open(State, _now);
        watching.Refresh();
        using var working = SqliteRegistry.Open(State, _now);
        working.EnrolMany(["dev-3"]);
        working.Revoke("dev-2");
        Assert.True(working.Reinstate("dev-1").Changed);
        FleetRotation.Rotate(State, tpm, new FleetRotationOptions { Compromised = true }, _now);
        FleetRotation.Retire(State, tpm, 1, null, _now);

        watching.Refresh();
        Assert.True(watching.TryGetDevice("dev-3", out _));
        Assert.True(watching.TryGetDevice("dev-2", out var revoked) && revoked.IsRevoked);
        Assert.True(watching.TryGetDevice("dev-1", out var reinstated) && !reinstated.IsRevoked && reinstated.Generation == 3);
        Assert.Equal([EpochState.Retired, EpochState.Active], watching.Fleet!.Epochs.Select(epoch => epoch.State));
        FleetSelfTest.Run(tpm, watching.Fleet);
    }

    [Fact]
    public void Registry_put_back_is_noticed_all_the_same()
    {
        using var tpm = new EsysTpm(_swtpm.Tcti);
        FleetSetup.Init(State, tpm, new FleetSetupOptions { ServerId = "gateway-01" }, _later);
        string path = State.RegistryPath;
        using (var registry = SqliteRegistry.Open(State, _later))
            registry.EnrolMany(["dev-1"]);
        var before = File.ReadAllBytes(path);
        using (var registry = SqliteRegistry.Open(State, _now))
        {
            registry.Revoke("dev-1");
            new RollbackGuard(registry).Sync(tpm);
        }

        File.WriteAllBytes(path, before);

        using var old = SqliteRegistry.Open(State, _now);
        Assert.Equal(RegistryFault.RolledBack, Assert.Throws<RegistryException>(() => new RollbackGuard(old).Check(tpm)).Fault);
    }
}
