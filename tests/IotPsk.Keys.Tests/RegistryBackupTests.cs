using IotPsk.Keys.Tests.Support;

namespace IotPsk.Keys.Tests;

public sealed class RegistryBackupTests : IDisposable
{
    private readonly Swtpm _swtpm = new();
    private readonly TempDirectory _directory = new();
    private readonly EsysTpm _tpm;

    public RegistryBackupTests()
    {
        _tpm = new EsysTpm(_swtpm.Tcti);
        FleetSetup.Init(State(), _tpm, new FleetSetupOptions { ServerId = "gateway-01" });
        using var registry = SqliteRegistry.Open(State());
        registry.EnrolMany(["a", "b", "c"]);
        registry.Revoke("b");
    }

    private string Backup => _directory["backup"];

    private string Before => _directory["state/registry.db.before-restore"];

    public void Dispose()
    {
        _tpm.Dispose();
        _swtpm.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void What_was_backed_up_while_in_use_is_what_is_restored()
    {
        Write();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Backup));

        var (fleet, devices) = RegistryBackup.Restore(State("new"), _tpm, Backup, replace: false);

        Assert.Equal(("gateway-01", 3), (fleet.ServerId, devices));
        using var restored = SqliteRegistry.Open(State("new"));
        Assert.True(restored.Find("b")!.IsRevoked);
        Assert.False(restored.Find("a")!.IsRevoked);
        Assert.Equal(["fleet.lock", "registry.db", "registry.db-shm", "registry.db-wal"], Directory.GetFiles(State("new").Path).Select(Path.GetFileName).Order());
        FleetSelfTest.Run(_tpm, restored.RequireFleet());
    }

    [Fact]
    public void Backup_writes_over_nothing()
    {
        File.WriteAllText(Backup, "mine");

        Assert.Contains("exists already", Assert.Throws<RegistryException>(Write).Message, StringComparison.Ordinal);

        Assert.Equal("mine", File.ReadAllText(Backup));
    }

    [Fact]
    public void Backup_is_not_written_where_a_link_leads()
    {
        File.WriteAllText(_directory["other"], "mine");
        File.CreateSymbolicLink(Backup + ".partial", _directory["other"]);

        Write();

        Assert.Equal("mine", File.ReadAllText(_directory["other"]));
        Assert.Null(new FileInfo(Backup).LinkTarget);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Backup));
    }

    [Fact]
    public void Snapshot_that_waited_when_the_backup_was_made_is_not_taken_after_a_restoration()
    {
        Change(registry => registry.AnnounceSnapshot("coaps", 1));
        Write();
        Change(registry => Assert.NotNull(registry.TakeSnapshot("coaps")));

        RegistryBackup.Restore(State(), _tpm, Backup, replace: true);

        Change(registry => Assert.Null(registry.TakeSnapshot("coaps")));
    }

    [Fact]
    public void Device_without_an_end_is_no_backup()
    {
        Assert.Equal(RegistryFault.Damaged, Assert.Throws<RegistryException>(() => RegistryBackup.Restore(State("new"), _tpm, "/dev/zero", replace: false)).Fault);

        Assert.False(File.Exists(State("new").RegistryPath));
    }

    [Fact]
    public void Fleet_that_is_there_is_replaced_only_on_demand_and_kept_beside()
    {
        Write();
        Change(registry => registry.Enrol("d"));

        var e = Assert.Throws<RegistryException>(() => RegistryBackup.Restore(State(), _tpm, Backup, replace: false));
        Assert.Equal(RegistryFault.FleetExists, e.Fault);
        Assert.Contains("--replace", e.Message, StringComparison.Ordinal);
        Assert.Equal(3, RegistryBackup.Restore(State(), _tpm, Backup, replace: true).Devices);

        Change(registry => Assert.Null(registry.Find("d")));
        File.Copy(Before, _directory["state/registry.db"], overwrite: true);
        Change(registry => Assert.NotNull(registry.Find("d")));
    }

    [Fact]
    public void Registry_in_use_is_not_replaced()
    {
        Write();
        using var gateway = SqliteRegistry.Open(State());

        var e = Assert.Throws<RegistryException>(() => RegistryBackup.Restore(State(), _tpm, Backup, replace: true));

        Assert.Equal(RegistryFault.Busy, e.Fault);
        Assert.Contains("stop the gateway", e.Message, StringComparison.Ordinal);
        Assert.False(gateway.Enrol("a").IsNew);
    }

    [Fact]
    public void Backup_of_a_fleet_in_another_tpm_is_refused_and_changes_nothing()
    {
        Write();
        using var other = new Swtpm();
        using var tpm = new EsysTpm(other.Tcti);

        var e = Assert.Throws<TpmException>(() => RegistryBackup.Restore(State("new"), tpm, Backup, replace: false));

        Assert.Equal(TpmFault.KeyMissing, e.Fault);
        Assert.Equal(["fleet.lock"], Directory.GetFiles(State("new").Path).Select(Path.GetFileName));
    }

    [Fact]
    public void Backup_of_before_a_retirement_is_restored_with_that_epoch_retired()
    {
        FleetRotation.Rotate(State(), _tpm, new FleetRotationOptions());
        Write();
        FleetRotation.Retire(State(), _tpm, 1);
        // The key of a further epoch has the handle of the old one.
        FleetRotation.Rotate(State(), _tpm, new FleetRotationOptions());

        var (fleet, devices) = RegistryBackup.Restore(State("new"), _tpm, Backup, replace: false);

        Assert.Equal(3, devices);
        Assert.Equal([(1, EpochState.Retired), (2, EpochState.Active)], fleet.Epochs.Select(epoch => (epoch.Number, epoch.State)));
        Assert.NotNull(fleet.Epoch(1)!.EvictedAt);
        using var restored = SqliteRegistry.Open(State("new"));
        FleetSelfTest.Run(_tpm, restored.RequireFleet());
    }

    [Fact]
    public void Backup_of_before_all_epochs_of_now_is_refused_with_the_reason_and_changes_nothing()
    {
        Write();
        FleetRotation.Rotate(State(), _tpm, new FleetRotationOptions());
        FleetRotation.Retire(State(), _tpm, 1);

        var e = Assert.Throws<TpmException>(() => RegistryBackup.Restore(State("new"), _tpm, Backup, replace: false));

        Assert.Equal(TpmFault.KeyMissing, e.Fault);
        Assert.Contains("Restore a newer backup", e.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(State("new").RegistryPath));
    }

    [Theory]
    [InlineData("")]
    [InlineData("this is no backup at all, but long enough to look like one: ................................................................")]
    public void File_that_is_no_backup_is_refused_and_changes_nothing(string content)
    {
        File.WriteAllText(Backup, content);

        Assert.True(Assert.Throws<RegistryException>(() => RegistryBackup.Restore(State("new"), _tpm, Backup, replace: false)).Fault
            is RegistryFault.Damaged or RegistryFault.NoFleet);

        Assert.False(File.Exists(State("new").RegistryPath));
    }

    [Fact]
    public void Damaged_backup_is_refused_and_the_registry_stays()
    {
        Write();
        var bytes = File.ReadAllBytes(Backup);
        for (var at = 4096; at < bytes.Length; at += 7)
            bytes[at] ^= 0x55;
        File.WriteAllBytes(Backup, bytes);

        Assert.Equal(RegistryFault.Damaged, Assert.Throws<RegistryException>(() => RegistryBackup.Restore(State(), _tpm, Backup, replace: true)).Fault);

        Change(registry => Assert.Equal(3, registry.DeviceCount));
    }

    [Fact]
    public void Damaged_registry_is_mended_by_a_backup()
    {
        Write();
        File.WriteAllText(State().RegistryPath, "damaged");
        Assert.Contains("--replace", Assert.Throws<RegistryException>(() => RegistryBackup.Restore(State(), _tpm, Backup, replace: false)).Message, StringComparison.Ordinal);

        Assert.Equal(3, RegistryBackup.Restore(State(), _tpm, Backup, replace: true).Devices);

        Assert.Equal("damaged", File.ReadAllText(Before));
        Change(registry => Assert.Equal(3, registry.DeviceCount));
    }

    [Fact]
    public void Restoration_killed_after_any_step_leaves_the_old_or_the_new_registry_and_is_done_again()
    {
        Write();
        Change(registry => registry.Enrol("d"));
        foreach (var step in Enum.GetValues<RestoreStep>())
        {
            Assert.Throws<Killed>(() => RegistryBackup.Restore(State(), _tpm, Backup, replace: true, done =>
            {
                if (done == step)
                    throw new Killed();
            }));
            Change(registry => Assert.Equal(step == RestoreStep.Replaced ? 3 : 4, registry.DeviceCount));
        }

        RegistryBackup.Restore(State(), _tpm, Backup, replace: true);
        Change(registry => Assert.Equal(3, registry.DeviceCount));
    }

    [Fact]
    public void Registry_moves_from_a_file_into_a_database_and_back_with_its_keys_counter_and_revocations()
    {
        using var postgres = new PostgresBackEnd();
        Write();

        Assert.Equal(3, RegistryBackup.Restore(postgres.Source, _tpm, Backup, replace: false).Devices);

        Assert.Equal(RegistryFault.FleetExists, Assert.Throws<RegistryException>(() => RegistryBackup.Restore(postgres.Source, _tpm, Backup, replace: false)).Fault);
        using (var registry = postgres.Source.Open())
        {
            FleetSelfTest.Run(_tpm, registry.RequireFleet());
            new RollbackGuard(registry).Check(_tpm);
            Assert.True(registry.Find("b")!.IsRevoked);
            registry.Revoke("c");
            Assert.True(new RollbackGuard(registry).Sync(_tpm));
            RegistryBackup.Write(registry, _directory["back"]);
        }

        Assert.Equal(3, RegistryBackup.Restore(State(), _tpm, _directory["back"], replace: true).Devices);
        Change(registry =>
        {
            FleetSelfTest.Run(_tpm, registry.RequireFleet());
            new RollbackGuard(registry).Check(_tpm);
            Assert.True(registry.Find("c")!.IsRevoked);
        });
    }

    [Fact]
    public void Gateway_that_lost_its_state_directory_takes_its_place_in_the_database_again()
    {
        using var postgres = new PostgresBackEnd();
        Write();
        RegistryBackup.Restore(postgres.Source, _tpm, Backup, replace: false);
        using (var before = postgres.Source.Open())
            before.Revoke("c");
        var lost = postgres.At(State("new"));
        using (var registry = lost.Open())
        {
            Assert.Contains("iotpsk restore FILE --replace", Assert.Throws<RegistryException>(() => registry.RequireFleet()).Message, StringComparison.Ordinal);
            RegistryBackup.Write(registry, _directory["again"]);
        }

        RegistryBackup.Restore(lost, _tpm, _directory["again"], replace: true);

        using var found = lost.Open();
        FleetSelfTest.Run(_tpm, found.RequireFleet());
        new RollbackGuard(found).Check(_tpm);
        Assert.True(found.Find("c")!.IsRevoked);
        using var other = postgres.Source.Open();
        Assert.False(other.Fleet!.IsHere);
    }

    [Fact]
    public void Gateways_of_a_database_go_on_with_what_a_restoration_brings()
    {
        using var postgres = new PostgresBackEnd();
        Write();
        RegistryBackup.Restore(postgres.Source, _tpm, Backup, replace: false);
        using var running = postgres.Source.Open();
        running.Watch();
        var changes = new List<DeviceRecord>();
        running.DeviceChanged += changes.Add;
        running.Enrol("later");
        running.Revoke("a");
        changes.Clear();

        RegistryBackup.Restore(postgres.Source, _tpm, Backup, replace: true);
        running.Refresh();

        Assert.False(running.TryGetDevice("later", out _));
        Assert.True(running.TryGetDevice("a", out var device) && !device.IsRevoked);
        Assert.Equal(["a", "later"], changes.Select(change => change.Id).Order());
        Assert.True(changes.Single(change => change.Id == "later").IsRevoked);
        Assert.True(File.Exists(Path.Combine(postgres.State.Path, "registry.db.before-restore")));
    }

    [Fact]
    public void Restoration_of_a_database_killed_after_any_step_leaves_the_old_or_the_new_registry_and_is_done_again()
    {
        using var postgres = new PostgresBackEnd();
        Write();
        RegistryBackup.Restore(postgres.Source, _tpm, Backup, replace: false);
        using var registry = postgres.Source.Open();
        registry.Enrol("d");
        foreach (var step in Enum.GetValues<RestoreStep>())
        {
            Assert.Throws<Killed>(() => RegistryBackup.Restore(postgres.Source, _tpm, Backup, replace: true, done =>
            {
                if (done == step)
                    throw new Killed();
            }));
            Assert.Equal(step == RestoreStep.Replaced ? null : "d", registry.Find("d")?.Id);
        }

        Assert.Equal(3, RegistryBackup.Restore(postgres.Source, _tpm, Backup, replace: true).Devices);
    }

    private void Write() => Change(registry => RegistryBackup.Write(registry, Backup));

    private StateDirectory State(string name = "state") => StateDirectory.OpenOrCreate(_directory[name]);

    private void Change(Action<SqliteRegistry> work)
    {
        using var registry = SqliteRegistry.Open(State());
        work(registry);
    }

    private sealed class Killed : Exception;
}
