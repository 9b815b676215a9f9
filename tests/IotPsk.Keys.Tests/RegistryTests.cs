using IotPsk.Keys.Tests.Support;
using IotPsk.TestSupport;

namespace IotPsk.Keys.Tests;

/// <summary>What every registry does, whatever it is kept in.</summary>
public abstract class RegistryTests(BackEnd backEnd) : IDisposable
{
    private readonly BackEnd _backEnd = backEnd;
    private readonly FakeTimeProvider _time = new();

    public void Dispose()
    {
        _backEnd.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void Enrolling_twice_changes_nothing()
    {
        using var registry = OpenOrCreate();
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
        using (var registry = OpenOrCreate())
        {
            registry.Enrol("dev-1");
            var (device, changed) = registry.Revoke("dev-1");
            Assert.True(changed);
            Assert.Equal((2, _time.GetUtcNow()), (device.Generation, device.RevokedAt));
            Assert.False(registry.Revoke("dev-1").Changed);
            Assert.Equal(2, registry.Find("dev-1")!.Generation);
        }

        using var again = Open();
        Assert.True(again.TryGetDevice("dev-1", out var read) && read.IsRevoked);
        Assert.True(again.Enrol("dev-1").Device.IsRevoked);
    }

    [Fact]
    public void Reinstating_lets_the_device_in_again_and_raises_the_generation()
    {
        using var registry = OpenOrCreate();
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
        using var registry = OpenOrCreate();

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
        using var registry = OpenOrCreate();

        Assert.Equal(RegistryFault.InvalidValue, Assert.Throws<RegistryException>(() => registry.Enrol(id)).Fault);
        Assert.Throws<RegistryException>(() => registry.EnrolMany(["good", id]));
        Assert.Null(registry.Find("good"));
    }

    [Fact]
    public void Enrolling_many_is_one_step_idempotent_and_tells_its_progress()
    {
        using var registry = OpenOrCreate();
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
        using var here = OpenOrCreate();
        here.Enrol("dev-1");
        here.Watch();
        var changes = new List<DeviceRecord>();
        here.DeviceChanged += changes.Add;
        using var elsewhere = Open();

        elsewhere.Revoke("dev-1");
        elsewhere.Enrol("dev-2");
        Assert.True(here.TryGetDevice("dev-1", out var before) && !before.IsRevoked);
        Assert.False(here.TryGetDevice("dev-2", out _));
        _time.Advance(SqlRegistry.PollInterval);

        Assert.True(here.TryGetDevice("dev-1", out var after) && after.IsRevoked);
        Assert.True(here.TryGetDevice("dev-2", out _));
        Assert.Equal(["dev-1", "dev-2"], changes.Select(change => change.Id).Order());
    }

    [Fact]
    public void Revocation_made_by_another_program_is_seen_after_the_poll()
    {
        using var here = OpenOrCreate();
        here.Enrol("dev-1");
        here.Watch();

        _backEnd.Execute("UPDATE changes SET last = last + 1; UPDATE devices SET revoked_at = 1, generation = generation + 1, change = (SELECT last FROM changes)");
        _time.Advance(SqlRegistry.PollInterval);

        Assert.True(here.TryGetDevice("dev-1", out var device) && device.IsRevoked);
    }

    [Fact]
    public void Quiet_polls_read_nothing_but_the_version()
    {
        using var registry = OpenOrCreate();
        registry.EnrolMany(Enumerable.Range(0, 100).Select(i => $"dev-{i}"));
        registry.Watch();
        var changes = 0;
        registry.DeviceChanged += _ => changes++;

        for (var i = 0; i < 10; i++)
            _time.Advance(SqlRegistry.PollInterval);

        Assert.Equal(0, changes);
        Assert.Null(registry.PollProblem);
    }

    [Fact]
    public void Registry_put_back_from_a_backup_is_read_anew()
    {
        using var here = OpenOrCreate();
        here.EnrolMany(["old-1", "old-2"]);
        here.Watch();
        here.Enrol("new");
        here.Revoke("old-1");
        var changes = new List<DeviceRecord>();
        here.DeviceChanged += changes.Add;

        _backEnd.Execute("DELETE FROM devices WHERE id = 'new'; UPDATE devices SET revoked_at = NULL, generation = 1, change = 1; UPDATE changes SET last = 1");
        _time.Advance(SqlRegistry.PollInterval);

        Assert.False(here.TryGetDevice("new", out _));
        Assert.True(here.TryGetDevice("old-1", out var device) && !device.IsRevoked);
        Assert.Equal(["new", "old-1"], changes.Select(change => change.Id).Order());
        Assert.True(changes.Single(change => change.Id == "new").IsRevoked);
    }

    [Fact]
    public void Events_come_for_changes_made_here_too()
    {
        using var registry = OpenOrCreate();
        registry.Watch();
        var changes = new List<DeviceRecord>();
        registry.DeviceChanged += changes.Add;

        registry.Enrol("dev-1");
        registry.Revoke("dev-1");

        Assert.Equal([false, true], changes.Select(change => change.IsRevoked));
    }

    [Fact]
    public void Empty_registry_has_no_fleet_and_says_how_to_make_one()
    {
        using var registry = OpenOrCreate();

        var e = Assert.Throws<RegistryException>(() => registry.RequireFleet());

        Assert.Equal(RegistryFault.NoFleet, e.Fault);
        Assert.Contains("fleet init", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_that_no_time_can_have_is_damage_and_no_crash_of_whoever_polls()
    {
        using var registry = OpenOrCreate();
        registry.Enrol("dev");
        registry.Watch();
        _backEnd.Execute("UPDATE devices SET revoked_at = 9000000000000000000, change = change + 1; UPDATE changes SET last = last + 1");

        Assert.Equal(RegistryFault.Damaged, Assert.Throws<RegistryException>(registry.Refresh).Fault);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.NotNull(registry.PollProblem);
        Assert.True(registry.TryGetDevice("dev", out _));
    }

    [Fact]
    public async Task Lookups_run_while_devices_are_enrolled()
    {
        using var registry = OpenOrCreate();
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

    [Theory]
    [InlineData("UPDATE fleet SET authority = check_value FROM epochs")]
    [InlineData("UPDATE epochs SET pcr = 'nonsense'")]
    public void A_damaged_fleet_is_told_and_no_crash_of_whoever_polls(string sql)
    {
        using var registry = OpenOrCreate();
        registry.Fleets.BeginFleet("ours", new TpmKeyReference(0x81000001, [1]), new TpmKeyReference(0x81010001, [2]), new EsysTpm.WrappedKey([1], [2]));
        registry.Fleets.Activate(1, [3]);
        registry.Watch();

        _backEnd.Execute(sql + "; UPDATE changes SET last = last + 1");
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.NotNull(registry.PollProblem);
        Assert.Equal(1, registry.RequireFleet().ActiveEpoch!.Number);
    }

    [Fact]
    public void Another_fleet_in_the_place_of_ours_changes_nothing_and_is_told_until_it_is_mended()
    {
        using var registry = OpenOrCreate();
        registry.Fleets.BeginFleet("ours", new TpmKeyReference(0x81000001, [1]), new TpmKeyReference(0x81010001, [2]), new EsysTpm.WrappedKey([1], [2]));
        registry.Fleets.Activate(1, [3]);
        registry.EnrolMany(["a", "b"]);
        registry.Watch();

        _backEnd.Execute("UPDATE fleet SET server_id = 'theirs'; UPDATE changes SET last = last + 1; UPDATE devices SET revoked_at = 1, change = (SELECT last FROM changes) WHERE id = 'a'");
        for (var i = 0; i < 3; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(6));
            Assert.Contains("'theirs'", registry.PollProblem, StringComparison.Ordinal);
        }

        Assert.Equal("ours", registry.Fleet!.ServerId);
        Assert.True(registry.TryGetDevice("a", out var device) && !device.IsRevoked);

        _backEnd.Execute("UPDATE fleet SET server_id = 'ours'; UPDATE changes SET last = last + 1; DELETE FROM devices WHERE id = 'b'");
        _time.Advance(TimeSpan.FromSeconds(6));

        Assert.Null(registry.PollProblem);
        Assert.True(registry.TryGetDevice("a", out device) && device.IsRevoked);
        Assert.False(registry.TryGetDevice("b", out _));
    }

    private IRegistry OpenOrCreate() => _backEnd.Source.OpenOrCreate(_time);

    private IRegistry Open() => _backEnd.Source.Open(_time);
}

public sealed class RegistryOnSqliteTests() : RegistryTests(new SqliteBackEnd());

public sealed class RegistryOnPostgresTests() : RegistryTests(new PostgresBackEnd());
