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
