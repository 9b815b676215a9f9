using IotPsk.Keys.Tests.Support;

namespace IotPsk.Keys.Tests;

public abstract class RollbackGuardTests : IDisposable
{
    private readonly Swtpm _swtpm = new();
    private readonly BackEnd _backEnd;
    private readonly EsysTpm _tpm;

    protected RollbackGuardTests(BackEnd backEnd)
    {
        _backEnd = backEnd;
        _tpm = new EsysTpm(new TpmOptions { Tcti = _swtpm.Tcti, KeyAuth = "value"u8.ToArray() });
        FleetSetup.Init(_backEnd.Source, _tpm, new FleetSetupOptions { ServerId = "gateway-01" });
        Use(registry => registry.EnrolMany(["a", "b"]));
    }

    public void Dispose()
    {
        _tpm.Dispose();
        _swtpm.Dispose();
        _backEnd.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void Registry_put_back_to_before_a_revocation_is_noticed()
    {
        var putBack = _backEnd.Copy();
        Use(registry => registry.Revoke("a"));
        Start();
        Start();

        putBack();

        var e = Assert.Throws<RegistryException>(Start);
        Assert.Equal(RegistryFault.RolledBack, e.Fault);
        Assert.Contains("put back to a former state", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Registry_put_back_to_before_a_retirement_is_noticed()
    {
        FleetRotation.Rotate(_backEnd.Source, _tpm, new FleetRotationOptions());
        var putBack = _backEnd.Copy();
        FleetRotation.Retire(_backEnd.Source, _tpm, 1);
        Start();

        putBack();

        Assert.Equal(RegistryFault.RolledBack, Assert.Throws<RegistryException>(Start).Fault);
    }

    [Fact]
    public void Registry_put_back_to_before_a_snapshot_was_taken_is_noticed()
    {
        Use(registry => registry.AnnounceSnapshot("lwm2m", 1));
        Start();
        var putBack = _backEnd.Copy();
        Use(registry => Assert.NotNull(registry.TakeSnapshot("lwm2m")));
        Use(registry => Assert.Null(registry.TakeSnapshot("lwm2m")));
        Start();

        putBack();

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
        Use(registry => RegistryBackup.Write(registry, _backEnd.Directory["backup"]));
        Use(registry => registry.Revoke("a"));
        Start();

        RegistryBackup.Restore(_backEnd.Source, _tpm, _backEnd.Directory["backup"], replace: true);

        Start();
        Use(registry => registry.Revoke("b"));
        Start();
    }

    [Fact]
    public void Counter_killed_before_or_after_its_increment_is_raised_once()
    {
        Use(registry => registry.Revoke("a"));
        // Killed after the announcement.
        Use(registry => registry.Rollback.AnnounceIncrement());
        Start();
        var counter = Counter();
        // Killed after the increment, before the registry knew.
        Use(registry =>
        {
            registry.Revoke("b");
            registry.Rollback.AnnounceIncrement();
            _tpm.IncrementCounter(registry.Rollback.ReadRollbackMark().Index);
        });

        Start();

        Assert.Equal(counter + 1, Counter());
        Use(registry => Assert.Equal(RollbackState.Settled, registry.Rollback.ReadRollbackMark().State));
    }

    [Fact]
    public void Revocation_between_announcement_and_increment_gets_an_increment_of_its_own()
    {
        Use(registry => registry.Revoke("a"));
        Use(registry => registry.Rollback.AnnounceIncrement());
        var putBack = _backEnd.Copy();
        Use(registry => registry.Revoke("b"));
        Start();

        putBack();

        Assert.Equal(RegistryFault.RolledBack, Assert.Throws<RegistryException>(Start).Fault);
    }

    [Fact]
    public void Two_at_a_time_raise_it_once()
    {
        Use(registry => registry.Revoke("a"));
        var counter = Counter();
        using var registry = _backEnd.Source.Open();
        using (_backEnd.State.LockCounter())
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
            registry.Rollback.WriteRollbackMark(new RollbackMark(index, 0, RollbackState.Settled));
            Assert.False(new RollbackGuard(registry).IsPrepared);
            RollbackGuard.Prepare(registry, _tpm);
            Assert.Equal(index, registry.Rollback.ReadRollbackMark().Index);
            Assert.True(new RollbackGuard(registry).IsPrepared);
        });
        Start();
    }

    [Fact]
    public void Counter_works_in_an_encrypting_session_and_needs_the_authorisation_value()
    {
        Use(registry => registry.Revoke("a"));
        using var registry = _backEnd.Source.Open();
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
        using var registry = _backEnd.Source.Open();
        return _tpm.ReadCounter(registry.Rollback.ReadRollbackMark().Index);
    }

    private void Use(Action<IRegistry> work)
    {
        using var registry = _backEnd.Source.Open();
        work(registry);
    }
}

public sealed class RollbackGuardTestsOnSqlite() : RollbackGuardTests(new SqliteBackEnd());

public sealed class RollbackGuardTestsOnPostgres() : RollbackGuardTests(new PostgresBackEnd());
