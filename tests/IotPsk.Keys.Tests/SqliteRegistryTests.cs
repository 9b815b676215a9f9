using IotPsk.Keys.Tests.Support;
using IotPsk.TestSupport;
using Microsoft.Data.Sqlite;

namespace IotPsk.Keys.Tests;

public sealed class SqliteRegistryTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly FakeTimeProvider _time = new();

    private StateDirectory State => StateDirectory.OpenOrCreate(_directory["state"]);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Enrolling_twice_changes_nothing()
    {
        using var registry = SqliteRegistry.OpenOrCreate(State, _time);
        var (first, isNew) = registry.Enrol("dev-1");
        _time.Advance(TimeSpan.FromHours(1));

        var (second, isNewAgain) = registry.Enrol("dev-1");

        Assert.True(isNew);
        Assert.False(isNewAgain);
        Assert.Equal(first, second);
        Assert.Equal(new DeviceRecord("dev-1", DeviceMode.Derived, _time.GetUtcNow() - TimeSpan.FromHours(1), null, 1), first);
    }

    [Fact]
    public void Revoking_raises_the_generation_once_and_outlives_the_process()
    {
        using (var registry = SqliteRegistry.OpenOrCreate(State, _time))
        {
            registry.Enrol("dev-1");
            var (device, changed) = registry.Revoke("dev-1");
            Assert.True(changed);
            Assert.Equal((2, _time.GetUtcNow()), (device.Generation, device.RevokedAt));
            Assert.False(registry.Revoke("dev-1").Changed);
            Assert.Equal(2, registry.Find("dev-1")!.Generation);
        }

        using var again = SqliteRegistry.Open(State, _time);
        Assert.True(again.TryGetDevice("dev-1", out var read) && read.IsRevoked);
        Assert.True(again.Enrol("dev-1").Device.IsRevoked);
    }

    [Fact]
    public void Reinstating_lets_the_device_in_again_and_raises_the_generation()
    {
        using var registry = SqliteRegistry.OpenOrCreate(State, _time);
        registry.Enrol("dev-1");
        Assert.False(registry.Reinstate("dev-1").Changed);
        registry.Revoke("dev-1");

        var (device, changed) = registry.Reinstate("dev-1");

        Assert.True(changed);
        Assert.Equal((3, false), (device.Generation, device.IsRevoked));
        Assert.Equal(RegistryFault.UnknownDevice, Assert.Throws<RegistryException>(() => registry.Reinstate("nobody")).Fault);
    }

    [Fact]
    public void Revoking_a_stranger_is_refused()
    {
        using var registry = SqliteRegistry.OpenOrCreate(State, _time);

        Assert.Equal(RegistryFault.UnknownDevice, Assert.Throws<RegistryException>(() => registry.Revoke("nobody")).Fault);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("a~1")]
    [InlineData("a/b")]
    [InlineData("é")]
    public void Ids_outside_the_alphabet_are_refused(string id)
    {
        using var registry = SqliteRegistry.OpenOrCreate(State, _time);

        Assert.Equal(RegistryFault.InvalidValue, Assert.Throws<RegistryException>(() => registry.Enrol(id)).Fault);
        Assert.Throws<RegistryException>(() => registry.EnrolMany(["good", id]));
        Assert.Null(registry.Find("good"));
    }

    [Fact]
    public void Enrolling_many_is_one_step_idempotent_and_tells_its_progress()
    {
        using var registry = SqliteRegistry.OpenOrCreate(State, _time);
        registry.Enrol("dev-7");
        var progress = new List<int>();

        Assert.Equal(4999, registry.EnrolMany(Enumerable.Range(0, 5000).Select(i => $"dev-{i}"), progress: progress.Add));
        Assert.Equal(0, registry.EnrolMany(Enumerable.Range(0, 5000).Select(i => $"dev-{i}")));

        Assert.Equal([1000, 2000, 3000, 4000, 5000], progress);
        Assert.Equal(5000, registry.DeviceCount);
        Assert.Equal(5000, registry.Devices.Count());
    }

    [Fact]
    public void Changes_of_another_process_are_seen_after_the_poll()
    {
        using var here = SqliteRegistry.OpenOrCreate(State, _time);
        here.Enrol("dev-1");
        here.Watch();
        var changes = new List<DeviceRecord>();
        here.DeviceChanged += changes.Add;
        using var elsewhere = SqliteRegistry.Open(State, _time);

        elsewhere.Revoke("dev-1");
        elsewhere.Enrol("dev-2");
        Assert.True(here.TryGetDevice("dev-1", out var before) && !before.IsRevoked);
        Assert.False(here.TryGetDevice("dev-2", out _));
        _time.Advance(SqliteRegistry.PollInterval);

        Assert.True(here.TryGetDevice("dev-1", out var after) && after.IsRevoked);
        Assert.True(here.TryGetDevice("dev-2", out _));
        Assert.Equal(["dev-1", "dev-2"], changes.Select(change => change.Id).Order());
    }

    [Fact]
    public void Revocation_made_by_the_sqlite3_of_another_program_is_seen_after_the_poll()
    {
        using var here = SqliteRegistry.OpenOrCreate(State, _time);
        here.Enrol("dev-1");
        here.Watch();

        Sqlite("UPDATE changes SET last = last + 1; UPDATE devices SET revoked_at = 1, generation = generation + 1, change = (SELECT last FROM changes)");
        _time.Advance(SqliteRegistry.PollInterval);

        Assert.True(here.TryGetDevice("dev-1", out var device) && device.IsRevoked);
    }

    [Fact]
    public void Quiet_polls_read_nothing_but_the_version()
    {
        using var registry = SqliteRegistry.OpenOrCreate(State, _time);
        registry.EnrolMany(Enumerable.Range(0, 100).Select(i => $"dev-{i}"));
        registry.Watch();
        var changes = 0;
        registry.DeviceChanged += _ => changes++;

        for (var i = 0; i < 10; i++)
            _time.Advance(SqliteRegistry.PollInterval);

        Assert.Equal(0, changes);
        Assert.Null(registry.PollProblem);
    }

    [Fact]
    public void Registry_put_back_from_a_backup_is_read_anew()
    {
        using var here = SqliteRegistry.OpenOrCreate(State, _time);
        here.EnrolMany(["old-1", "old-2"]);
        here.Watch();
        here.Enrol("new");
        here.Revoke("old-1");
        var changes = new List<DeviceRecord>();
        here.DeviceChanged += changes.Add;

        Sqlite("DELETE FROM devices WHERE id = 'new'; UPDATE devices SET revoked_at = NULL, generation = 1, change = 1; UPDATE changes SET last = 1");
        _time.Advance(SqliteRegistry.PollInterval);

        Assert.False(here.TryGetDevice("new", out _));
        Assert.True(here.TryGetDevice("old-1", out var device) && !device.IsRevoked);
        Assert.Equal(["new", "old-1"], changes.Select(change => change.Id).Order());
        Assert.True(changes.Single(change => change.Id == "new").IsRevoked);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Registry_replaced_or_removed_while_in_use_is_said_so(bool replaced)
    {
        using var registry = SqliteRegistry.OpenOrCreate(State, _time);
        registry.Watch();
        _time.Advance(SqliteRegistry.PollInterval);
        Assert.Null(registry.PollProblem);

        File.Move(State.RegistryPath, _directory["moved"]);
        if (replaced)
            File.Copy(_directory["moved"], State.RegistryPath);
        _time.Advance(SqliteRegistry.PollInterval);

        Assert.Contains("was replaced or removed while in use", registry.PollProblem, StringComparison.Ordinal);
    }

    [Fact]
    public void Events_come_for_changes_made_here_too()
    {
        using var registry = SqliteRegistry.OpenOrCreate(State, _time);
        registry.Watch();
        var changes = new List<DeviceRecord>();
        registry.DeviceChanged += changes.Add;

        registry.Enrol("dev-1");
        registry.Revoke("dev-1");

        Assert.Equal([false, true], changes.Select(change => change.IsRevoked));
    }

    [Fact]
    public void State_directory_and_files_are_for_their_owner_alone()
    {
        Directory.CreateDirectory(_directory["state"]);
        File.SetUnixFileMode(_directory["state"], (UnixFileMode)0b111_111_101);
        using var registry = SqliteRegistry.OpenOrCreate(State, _time);
        registry.Enrol("dev-1");
        using var held = State.LockFleet();

        Assert.Equal((UnixFileMode)0b111_000_000, File.GetUnixFileMode(State.Path));
        var files = Directory.GetFiles(State.Path);
        Assert.Contains(State.RegistryPath + "-wal", files);
        Assert.All(files, file => Assert.Equal((UnixFileMode)0b110_000_000, File.GetUnixFileMode(file)));
    }

    [Fact]
    public void Missing_directory_and_missing_registry_are_told_apart()
    {
        var noDirectory = Assert.Throws<RegistryException>(() => StateDirectory.Open(_directory["nowhere"]));
        var noRegistry = Assert.Throws<RegistryException>(() => SqliteRegistry.Open(State));

        Assert.Equal((RegistryFault.Missing, RegistryFault.Missing), (noDirectory.Fault, noRegistry.Fault));
        Assert.Contains("does not exist", noDirectory.Message, StringComparison.Ordinal);
        Assert.Contains("There is no registry in", noRegistry.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Empty_registry_has_no_fleet_and_says_how_to_make_one()
    {
        using var registry = SqliteRegistry.OpenOrCreate(State);

        var e = Assert.Throws<RegistryException>(() => registry.RequireFleet());

        Assert.Equal(RegistryFault.NoFleet, e.Fault);
        Assert.Contains("fleet init", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Garbage_in_place_of_the_registry_is_named()
    {
        File.WriteAllText(State.RegistryPath, new string('x', 10_000));

        AssertDamaged();
    }

    [Fact]
    public void Truncated_registry_is_named()
    {
        using (var registry = SqliteRegistry.OpenOrCreate(State))
            registry.EnrolMany(Enumerable.Range(0, 10_000).Select(i => $"dev-{i}"));
        using (var file = File.OpenWrite(State.RegistryPath))
            file.SetLength(file.Length / 2);

        AssertDamaged();
    }

    [Fact]
    public void Overwritten_page_is_named()
    {
        using (var registry = SqliteRegistry.OpenOrCreate(State))
            registry.EnrolMany(Enumerable.Range(0, 10_000).Select(i => $"dev-{i}"));
        using (var file = File.OpenWrite(State.RegistryPath))
        {
            file.Seek(file.Length / 2, SeekOrigin.Begin);
            file.Write(new byte[8192]);
        }

        AssertDamaged();
    }

    [Fact]
    public void A_value_that_no_time_can_have_is_damage_and_no_crash_of_whoever_polls()
    {
        using var registry = SqliteRegistry.OpenOrCreate(State, _time);
        registry.Enrol("dev");
        registry.Watch();
        Sqlite("UPDATE devices SET revoked_at = 9000000000000000000, change = change + 1; UPDATE changes SET last = last + 1");

        Assert.Equal(RegistryFault.Damaged, Assert.Throws<RegistryException>(registry.Refresh).Fault);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.NotNull(registry.PollProblem);
        Assert.True(registry.TryGetDevice("dev", out _));
    }

    [Fact]
    public void Database_of_another_program_is_left_alone()
    {
        _ = State;
        Sqlite("CREATE TABLE other (x)", SqliteOpenMode.ReadWriteCreate);

        var e = Assert.Throws<RegistryException>(() => SqliteRegistry.Open(State));

        Assert.Equal(RegistryFault.Damaged, e.Fault);
        Assert.Contains("another program", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Registry_of_any_older_program_is_brought_up_to_date_and_keeps_its_devices()
    {
        for (var version = 1L; version < RegistrySchema.Version; version++)
        {
            using var directory = new TempDirectory();
            var state = StateDirectory.OpenOrCreate(directory["state"]);
            using (var older = new SqliteConnection($"Data Source={state.RegistryPath};Pooling=False"))
            {
                older.Open();
                SqliteSchema.Migrate(older, state.RegistryPath, version);
                new SqlSession(older).Execute("INSERT INTO devices (id, mode, enrolled_at, revoked_at, generation, change) VALUES ('sensor-1', 0, 5, 7, 2, 1)");
            }

            using var registry = SqliteRegistry.Open(state);

            Assert.Equal(
                new DeviceRecord("sensor-1", DeviceMode.Derived, SqlSession.Time(5), SqlSession.Time(7), 2), registry.Find("sensor-1"));
            Assert.Empty(registry.ReadTicketKeys());
            Assert.Empty(registry.CountByEpoch());
        }
    }

    [Fact]
    public void Registry_from_before_fleets_had_several_gateways_keeps_keys_counter_and_snapshots()
    {
        SqliteLibrary.Bind();
        using (var older = new SqliteConnection($"Data Source={State.RegistryPath};Pooling=False"))
        {
            older.Open();
            SqliteSchema.Migrate(older, State.RegistryPath, 9);
            new SqlSession(older).Execute("""
                INSERT INTO fleet (id, server_id, root_handle, root_name, created_at) VALUES (1, 'gw', 2164260865, x'0001', 5);
                INSERT INTO epochs (number, state, handle, name, check_value, created_at, change, retired_at, evicted_at) VALUES (1, 3, 2164326401, x'0002', x'03', 6, 1, 7, 8);
                INSERT INTO epochs (number, state, handle, name, check_value, created_at, change) VALUES (2, 1, 2164326402, x'0004', x'05', 9, 2);
                INSERT INTO epochs (number, state, handle, name, wrapped_private, wrapped_public, created_at, change) VALUES (3, 0, 2164326403, x'0006', x'07', x'08', 10, 3);
                UPDATE rollback SET nv_index = 25165824, value = 4, state = 1;
                INSERT INTO snapshots (listener, generation, epoch, is_pending) VALUES ('lwm2m', 6, 2, 1);
                """);
        }

        using var registry = SqliteRegistry.Open(State);

        var fleet = registry.RequireFleet();
        Assert.True(fleet.IsHere);
        Assert.Equal(new TpmKeyReference(0x81000001, [0, 1]), fleet.StorageRoot);
        Assert.Equal([EpochState.Retired, EpochState.Active, EpochState.Pending], fleet.Epochs.Select(epoch => epoch.State));
        Assert.Equal(SqlSession.Time(8), fleet.Epoch(1)!.EvictedAt);
        Assert.Equal((new TpmKeyReference(0x81010002, [0, 4]), true), (fleet.ActiveEpoch!.Key, fleet.ActiveEpoch.IsAccepted));
        Assert.Equal([7], registry.ReadPending(3).Private);
        Assert.Equal(new RollbackMark(25165824, 4, RollbackState.Changed), registry.ReadRollbackMark());
        Assert.Equal(new SnapshotRecord(6, 2), registry.TakeSnapshot("lwm2m"));
    }

    [Fact]
    public void Registry_of_a_newer_program_is_left_alone()
    {
        SqliteRegistry.OpenOrCreate(State).Dispose();
        Sqlite("PRAGMA user_version = 99");

        var e = Assert.Throws<RegistryException>(() => SqliteRegistry.Open(State));

        Assert.Equal(RegistryFault.TooNew, e.Fault);
        Assert.Contains("99", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Registry_that_cannot_be_opened_is_named_with_a_way_out()
    {
        Directory.CreateDirectory(State.RegistryPath);

        var e = Assert.Throws<RegistryException>(() => SqliteRegistry.Open(State));

        Assert.Equal(RegistryFault.Inaccessible, e.Fault);
        Assert.Contains("check owner and mode", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void State_directory_that_cannot_be_made_is_named()
    {
        File.WriteAllText(_directory["file"], "");

        var e = Assert.Throws<RegistryException>(() => StateDirectory.OpenOrCreate(_directory["file/state"]));

        Assert.Equal(RegistryFault.Inaccessible, e.Fault);
    }

    [Fact]
    public async Task Lookups_run_while_devices_are_enrolled()
    {
        using var registry = SqliteRegistry.OpenOrCreate(State);
        registry.Enrol("dev");
        registry.Watch();
        using var stop = new CancellationTokenSource();
        var lookups = Task.Run(() =>
        {
            do
                Assert.True(registry.TryGetDevice("dev", out _));
            while (!stop.IsCancellationRequested);
        });

        for (var i = 0; i < 50; i++)
            registry.Enrol($"dev-{i}");

        await stop.CancelAsync();
        await lookups;
    }

    private void AssertDamaged()
    {
        var e = Assert.Throws<RegistryException>(() => SqliteRegistry.Open(State));

        Assert.Equal(RegistryFault.Damaged, e.Fault);
        Assert.Contains(State.RegistryPath, e.Message, StringComparison.Ordinal);
        Assert.Contains("restore it from a backup", e.Message, StringComparison.Ordinal);
    }

    private void Sqlite(string text, SqliteOpenMode mode = SqliteOpenMode.ReadWrite)
    {
        SqliteLibrary.Bind();
        using var connection = new SqliteConnection($"Data Source={State.RegistryPath};Mode={mode};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = text;
        command.ExecuteNonQuery();
    }
}
