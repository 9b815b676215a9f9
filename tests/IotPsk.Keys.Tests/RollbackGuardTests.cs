using IotPsk.Keys.Tests.Support;

namespace IotPsk.Keys.Tests;

public sealed class RollbackGuardTests : IDisposable
{
    private readonly Swtpm _swtpm = new();
    private readonly TempDirectory _directory = new();
    private readonly EsysTpm _tpm;

    public RollbackGuardTests()
    {
        _tpm = new EsysTpm(new TpmOptions { Tcti = _swtpm.Tcti, KeyAuth = "value"u8.ToArray() });
        FleetSetup.Init(State, _tpm, new FleetSetupOptions { ServerId = "gateway-01" });
        Use(registry => registry.EnrolMany(["a", "b"]));
    }

    private StateDirectory State => StateDirectory.OpenOrCreate(_directory["state"]);

    public void Dispose()
    {
        _tpm.Dispose();
        _swtpm.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Registry_put_back_to_before_a_revocation_is_noticed()
    {
        var before = Copy();
        Use(registry => registry.Revoke("a"));
        Start();
        Start();

        PutBack(before);

        var e = Assert.Throws<RegistryException>(Start);
        Assert.Equal(RegistryFault.RolledBack, e.Fault);
        Assert.Contains("put back to a former state", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Registry_put_back_to_before_a_retirement_is_noticed()
    {
        FleetRotation.Rotate(State, _tpm, new FleetRotationOptions());
        var before = Copy();
        FleetRotation.Retire(State, _tpm, 1);
        Start();

        PutBack(before);

        Assert.Equal(RegistryFault.RolledBack, Assert.Throws<RegistryException>(Start).Fault);
    }

    [Fact]
    public void Registry_put_back_to_before_a_snapshot_was_taken_is_noticed()
    {
        Use(registry => registry.AnnounceSnapshot("lwm2m", 1));
        Start();
        var before = Copy();
        Use(registry => Assert.NotNull(registry.TakeSnapshot("lwm2m")));
        Use(registry => Assert.Null(registry.TakeSnapshot("lwm2m")));
        Start();

        PutBack(before);

        Assert.Equal(RegistryFault.RolledBack, Assert.Throws<RegistryException>(Start).Fault);
    }

    [Fact]
    public void Enrolments_and_reinstatements_cost_no_counter()
    {
        Start();
        var before = _tpm.Counters[TpmCommand.NvIncrement];
        Use(registry => registry.Enrol("c"));
        Use(registry => registry.Reinstate("a"));
        Start();

        Assert.Equal(before, _tpm.Counters[TpmCommand.NvIncrement]);
    }

    [Fact]
    public void Restored_backup_is_taken_as_it_is()
    {
        Use(registry => RegistryBackup.Write(registry, _directory["backup"]));
        Use(registry => registry.Revoke("a"));
        Start();

        RegistryBackup.Restore(State, _tpm, _directory["backup"], replace: true);

        Start();
        Use(registry => registry.Revoke("b"));
        Start();
    }

    [Fact]
    public void Counter_killed_before_or_after_its_increment_is_raised_once()
    {
        Use(registry => registry.Revoke("a"));
        // Killed after the announcement.
        Use(registry => registry.AnnounceIncrement());
        Start();
        var counter = Counter();
        // Killed after the increment, before the registry knew.
        Use(registry =>
        {
            registry.Revoke("b");
            registry.AnnounceIncrement();
            _tpm.IncrementCounter(registry.ReadRollbackMark().Index);
        });

        Start();

        Assert.Equal(counter + 1, Counter());
        Use(registry => Assert.Equal(RollbackState.Settled, registry.ReadRollbackMark().State));
    }

    [Fact]
    public void Revocation_between_announcement_and_increment_gets_an_increment_of_its_own()
    {
        Use(registry => registry.Revoke("a"));
        Use(registry => registry.AnnounceIncrement());
        var between = Copy();
        Use(registry => registry.Revoke("b"));
        Start();

        PutBack(between);

        Assert.Equal(RegistryFault.RolledBack, Assert.Throws<RegistryException>(Start).Fault);
    }

    [Fact]
    public void Two_at_a_time_raise_it_once()
    {
        Use(registry => registry.Revoke("a"));
        var counter = Counter();
        using var registry = SqliteRegistry.Open(State);
        using (State.LockCounter())
            Assert.False(new RollbackGuard(registry).Sync(_tpm));
        Assert.Equal(counter, Counter());

        Assert.True(new RollbackGuard(registry).Sync(_tpm));
        Assert.True(new RollbackGuard(registry).Sync(_tpm));

        Assert.Equal(counter + 1, Counter());
    }

    [Fact]
    public void Counter_that_was_made_halfway_is_finished()
    {
        Use(registry =>
        {
            var index = _tpm.FirstFreeCounter();
            registry.WriteRollbackMark(new RollbackMark(index, 0, RollbackState.Settled));
            Assert.False(new RollbackGuard(registry).IsPrepared);
            RollbackGuard.Prepare(registry, _tpm);
            Assert.Equal(index, registry.ReadRollbackMark().Index);
            Assert.True(new RollbackGuard(registry).IsPrepared);
        });
        Start();
    }

    [Fact]
    public void Counter_works_in_an_encrypting_session_and_needs_the_authorisation_value()
    {
        Use(registry => registry.Revoke("a"));
        using var registry = SqliteRegistry.Open(State);
        using (var without = new EsysTpm(_swtpm.Tcti))
        {
            without.Open();
            Assert.Equal(TpmFault.AuthorizationFailed, Assert.Throws<TpmException>(() => new RollbackGuard(registry).Check(without)).Fault);
        }

        using var tpm = new EsysTpm(new TpmOptions
        {
            Tcti = _swtpm.Tcti, KeyAuth = "value"u8.ToArray(), EncryptSession = true, StorageRoot = registry.RequireFleet().StorageRoot,
        });
        tpm.Open();
        new RollbackGuard(registry).Check(tpm);
        Assert.True(new RollbackGuard(registry).Sync(tpm));
        new RollbackGuard(registry).Check(tpm);
    }

    /// <summary>What a gateway does at its start.</summary>
    private void Start() => Use(registry =>
    {
        var guard = new RollbackGuard(registry);
        guard.Check(_tpm);
        Assert.True(guard.Sync(_tpm));
    });

    private ulong Counter()
    {
        using var registry = SqliteRegistry.Open(State);
        return _tpm.ReadCounter(registry.ReadRollbackMark().Index);
    }

    private byte[] Copy()
    {
        Use(registry => registry.Seal());
        return File.ReadAllBytes(State.RegistryPath);
    }

    private void PutBack(byte[] registry)
    {
        Copy();
        File.WriteAllBytes(State.RegistryPath, registry);
    }

    private void Use(Action<SqliteRegistry> work)
    {
        using var registry = SqliteRegistry.Open(State);
        work(registry);
    }
}
