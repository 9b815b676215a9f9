using System.Collections.Concurrent;
using System.Diagnostics;
using IotPsk.Keys.Tests.Support;
using IotPsk.TestSupport;

namespace IotPsk.Keys.Tests;

/// <summary>What only a registry on a server does.</summary>
public sealed class PostgresRegistryTests : IDisposable
{
    private static readonly EsysTpm.WrappedKey Wrapped = new([1], [2]);
    private readonly TempDirectory _directory = new();
    private readonly FakeTimeProvider _time = new();
    private readonly string _database = PostgresServer.Shared.CreateDatabase();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Change_of_another_gateway_is_heard_of_at_once_though_no_clock_ticks()
    {
        using var here = Open("a");
        here.Enrol("dev-1");
        here.Watch();
        using var elsewhere = Open("b");

        Eventually(() => Listeners() == 1, "it listens");
        elsewhere.Revoke("dev-1");

        Eventually(() => here.TryGetDevice("dev-1", out var device) && device.IsRevoked, "the revocation is heard of");
    }

    [Fact]
    public void Broken_connections_are_made_again_and_the_poll_sees_what_was_missed()
    {
        using var here = Open("a");
        here.Watch();
        using var elsewhere = Open("b");
        Eventually(() => Listeners() == 1, "it listens");

        PostgresServer.Shared.Execute(_database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
        elsewhere.Enrol("dev-1");
        _time.Advance(SqlRegistry.PollInterval);

        Assert.True(here.TryGetDevice("dev-1", out _));
        Assert.Null(here.PollProblem);
        Eventually(() => Listeners() == 1, "it listens again");
        elsewhere.Enrol("dev-2");
        Eventually(() => here.TryGetDevice("dev-2", out _), "the enrolment is heard of");
    }

    [Fact]
    public void While_the_server_is_away_lookups_go_on_writes_fail_clearly_and_changes_arrive_afterwards()
    {
        using var server = new PostgresServer();
        var database = server.CreateDatabase();
        using var registry = Source("a", server.Connection(database), server.Password).OpenOrCreate(_time);
        registry.EnrolWithKeys([new DeviceKeyRecord("own", DeviceMode.Resident, "pem", [1], 32)]);
        registry.Watch();
        var problems = new ConcurrentQueue<string?>();
        registry.PollProblemChanged += problems.Enqueue;

        server.Stop();
        registry.NoteEpoch("own", 1);
        _time.Advance(SqlRegistry.PollInterval);

        Assert.True(registry.TryGetDevice("own", out _));
        Assert.Equal("pem", registry.FindKey("own")!.Pem);
        Assert.Contains("cannot be reached", registry.PollProblem, StringComparison.Ordinal);
        var e = Assert.Throws<RegistryException>(() => registry.Revoke("own"));
        Assert.Equal(RegistryFault.Inaccessible, e.Fault);
        Assert.DoesNotContain(server.Password, e.ToString(), StringComparison.Ordinal);

        server.Start();
        server.Execute(database, "SET search_path = iotpsk; UPDATE changes SET last = last + 1; UPDATE devices SET revoked_at = 1, generation = 2, change = (SELECT last FROM changes)");
        // The pause between two looks has grown by now, to 5 s at the most.
        _time.Advance(TimeSpan.FromSeconds(6));

        Assert.True(registry.TryGetDevice("own", out var device) && device.IsRevoked);
        Assert.Equal(2, problems.Count);
        Assert.Null(registry.PollProblem);
        Assert.Equal(1, registry.Find("own")!.LastEpoch);
    }

    [Fact]
    public void Writers_of_all_gateways_are_numbered_in_the_order_of_their_commits_so_that_no_reader_misses_one()
    {
        using var reader = Open("r");
        reader.Watch();
        using var one = Open("a");
        using var two = Open("b");

        Parallel.For(0, 4, writer =>
        {
            for (var i = 0; i < 20; i++)
            {
                (writer % 2 == 0 ? one : two).Enrol($"dev-{writer}-{i}");
                reader.Refresh();
            }
        });

        reader.Refresh();
        Assert.Equal(80, reader.DeviceCount);
    }

    [Fact]
    public void Writer_that_dies_in_the_middle_leaves_nothing()
    {
        using var registry = Open("a");

        IEnumerable<string> Dying()
        {
            for (var i = 0; i < 3000; i++)
            {
                if (i == 2500)
                    PostgresServer.Shared.Execute(_database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
                yield return $"dev-{i}";
            }
        }

        Assert.Equal(RegistryFault.Inaccessible, Assert.Throws<RegistryException>(() => registry.EnrolMany(Dying())).Fault);

        using var again = Open("a");
        Assert.Equal(0, again.DeviceCount);
        Assert.Equal(3000, registry.EnrolMany(Enumerable.Range(0, 3000).Select(i => $"dev-{i}")));
    }

    [Fact]
    public async Task Gateways_that_start_at_once_make_the_tables_once()
    {
        await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(() => Open($"gateway-{i}").Dispose())));

        Assert.Equal(RegistrySchema.Version, PostgresServer.Shared.Scalar(_database, "SELECT version FROM iotpsk.registry_schema"));
    }

    [Fact]
    public void Two_gateways_have_one_fleet_and_each_its_own_handles_counter_and_snapshots()
    {
        using var a = Open("a");
        using var b = Open("b");
        a.Fleets.BeginFleet("gw", new TpmKeyReference(0x81000001, [1]), new TpmKeyReference(0x81010001, [7]), Wrapped);
        a.Fleets.Activate(1, [9]);
        b.Refresh();
        Assert.Contains("no part in fleet 'gw'", Assert.Throws<RegistryException>(() => b.RequireFleet()).Message, StringComparison.Ordinal);
        Assert.Equal(1, Assert.Single(b.Fleet!.MissingEpochs).Number);

        b.Fleets.TakeEpoch(1, new TpmKeyReference(0x81000001, [2]), new TpmKeyReference(0x81010005, [7]), Wrapped);
        Assert.Contains("was interrupted", Assert.Throws<RegistryException>(() => b.RequireFleet()).Message, StringComparison.Ordinal);
        b.Fleets.Activate(1, [9]);

        Assert.Equal((0x81010005u, 0x81010001u), (b.RequireFleet().ActiveEpoch!.Key.Handle, a.RequireFleet().ActiveEpoch!.Key.Handle));
        a.Rollback.WriteRollbackMark(new RollbackMark(1, 5, RollbackState.Settled));
        b.Rollback.WriteRollbackMark(new RollbackMark(2, 8, RollbackState.Settled));
        a.Enrol("dev-1");
        a.Revoke("dev-1");
        Assert.Equal(new RollbackMark(2, 8, RollbackState.Changed), b.Rollback.ReadRollbackMark());
        a.Rollback.AnnounceIncrement();
        a.Rollback.SettleIncrement(6);
        Assert.Equal(new RollbackMark(1, 6, RollbackState.Settled), a.Rollback.ReadRollbackMark());
        Assert.Equal(RollbackState.Changed, b.Rollback.ReadRollbackMark().State);
        a.AnnounceSnapshot("lwm2m", 1);
        Assert.Null(b.TakeSnapshot("lwm2m"));
        Assert.NotNull(a.TakeSnapshot("lwm2m"));
    }

    [Fact]
    public void Epoch_begun_on_a_gateway_that_is_lost_can_be_given_up_on_another()
    {
        using var a = Open("a");
        a.Fleets.BeginFleet("gw", new TpmKeyReference(0x81000001, [1]), new TpmKeyReference(0x81010001, [7]), Wrapped);
        a.Fleets.Activate(1, [9]);
        a.Fleets.BeginEpoch(2, new TpmKeyReference(0x81010002, [8]), Wrapped, compromised: false);
        using var b = Open("b");
        b.Fleets.TakeEpoch(1, new TpmKeyReference(0x81000001, [2]), new TpmKeyReference(0x81010005, [7]), Wrapped);
        b.Fleets.Activate(1, [9]);
        using var tpm = new EsysTpm("swtpm:host=127.0.0.1,port=1");

        var (fleet, changed) = FleetRotation.Retire(Source("b"), tpm, 2);

        Assert.False(changed);
        Assert.Equal(1, Assert.Single(fleet.Epochs).Number);
        a.Refresh();
        Assert.Equal(1, a.RequireFleet().ActiveEpoch!.Number);
    }

    [Fact]
    public void Device_with_a_key_of_its_own_is_served_by_the_gateway_that_has_it()
    {
        using var a = Open("a");
        a.EnrolWithKeys([new DeviceKeyRecord("own", DeviceMode.Resident, "pem", [1], 32)]);
        using var b = Open("b");

        Assert.True(a.FindKey("own")!.IsHere);
        Assert.False(b.FindKey("own")!.IsHere);
    }

    [Fact]
    public void Ticket_key_that_one_gateway_makes_is_told_to_the_others()
    {
        using var a = Open("a");
        using var b = Open("b");
        var told = 0;
        b.TicketKeysChanged += () => told++;

        a.TicketKeys.AddTicketKey(new WrappedTicketKey([1], 1, _time.GetUtcNow(), [2]), _ => false);
        b.Refresh();
        b.Refresh();

        Assert.Equal(1, told);
        Assert.Single(b.TicketKeys.ReadTicketKeys());
    }

    [Fact]
    public void Fleet_is_worked_on_by_one_gateway_at_a_time()
    {
        using (Source("a").LockFleet())
            Assert.Contains("Another gateway", Assert.Throws<RegistryException>(() => Source("b").LockFleet()).Message, StringComparison.Ordinal);

        Source("b").LockFleet().Dispose();
    }

    [Theory]
    [InlineData("CREATE SCHEMA iotpsk; CREATE TABLE iotpsk.other (x int)", RegistryFault.Damaged, "another program")]
    [InlineData("CREATE SCHEMA iotpsk; CREATE TABLE iotpsk.registry_schema (version bigint); INSERT INTO iotpsk.registry_schema VALUES (99)", RegistryFault.TooNew, "99")]
    public void What_is_no_registry_of_this_program_is_left_alone(string sql, RegistryFault fault, string words)
    {
        PostgresServer.Shared.Execute(_database, sql);

        var e = Assert.Throws<RegistryException>(() => Open("a"));

        Assert.Equal(fault, e.Fault);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_wrong_with_the_way_to_the_database_is_told_without_the_password()
    {
        var right = PostgresServer.Shared.Connection(_database);
        Told(() => Source("a", right, "wr0ng").Open(), RegistryFault.Inaccessible, "does not let user iotpsk in");
        Told(() => Source("a", PostgresServer.Shared.Connection("nowhere")).Open(), RegistryFault.Missing, "createdb");
        Told(() => Source("a", "Host=127.0.0.1;Port=1;Database=x;Username=y").Open(), RegistryFault.Inaccessible, "cannot be reached");
        Told(() => Source("a", right).Open(), RegistryFault.Missing, "fleet init");

        static void Told(Action open, RegistryFault fault, string words)
        {
            var e = Assert.Throws<RegistryException>(open);
            Assert.Equal(fault, e.Fault);
            Assert.Contains(words, e.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("wr0ng", e.ToString(), StringComparison.Ordinal);
            Assert.DoesNotContain(PostgresServer.Shared.Password, e.ToString(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("nonsense", "is no connection")]
    [InlineData("Host=db;Database=x;Username=y;Pasword=secret", "is no connection")]
    [InlineData("Host=db;Database=x;Username=y;Password=secret", "holds a password")]
    [InlineData("Host=db;Database=x", "names no Username")]
    [InlineData("Database=x;Username=y", "names no Host")]
    [InlineData("Host=db;Username=y", "names no Database")]
    [InlineData("Host=db;Database=x;Username=y;Search Path=\"a\"; DROP", "is no connection")]
    [InlineData("Host=db;Database=x;Username=y;Search Path='a\"b'", "Search Path")]
    [InlineData("Host=db;Database=x;Username=y;Search Path=a,b", "Search Path")]
    public void Connection_that_cannot_be_meant_is_told_without_what_it_may_give_away(string text, string words)
    {
        Assert.False(PostgresOptions.TryParse(text, out _, out var problem));

        Assert.Contains(words, problem, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Host=db.example;Database=x;Username=y", "VerifyFull")]
    [InlineData("Host=db.example;Database=x;Username=y;SSL Mode=Require", "Require")]
    [InlineData("Host=127.0.0.1;Database=x;Username=y", "Prefer")]
    [InlineData("Host=/run/postgresql;Database=x;Username=y", "Prefer")]
    public void Server_beyond_this_machine_proves_itself_unless_the_operator_says_otherwise(string text, string mode)
    {
        Assert.True(PostgresOptions.TryParse(text, out var options, out _));

        var parsed = new Npgsql.NpgsqlConnectionStringBuilder(options.WithPassword("secret").ConnectionString);
        Assert.Equal(mode, parsed.SslMode.ToString());
        Assert.Equal("secret", parsed.Password);
        Assert.DoesNotContain("secret", options.WithPassword("secret").ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Name_of_a_gateway_is_made_once_and_garbage_in_its_place_is_told()
    {
        var state = StateDirectory.OpenOrCreate(_directory["state"]);
        var name = NodeIdentity.Of(state);
        Assert.Equal(name, NodeIdentity.Of(state));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(state.Path, "node")));

        File.WriteAllText(Path.Combine(state.Path, "node"), "garbage");

        Assert.Equal(RegistryFault.Damaged, Assert.Throws<RegistryException>(() => NodeIdentity.Of(state)).Fault);
    }

    private long Listeners() => PostgresServer.Shared.Scalar(_database, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'");

    private IRegistry Open(string gateway) => Source(gateway).OpenOrCreate(_time);

    private RegistrySource Source(string gateway, string? connection = null, string? password = null)
    {
        Assert.True(PostgresOptions.TryParse(connection ?? PostgresServer.Shared.Connection(_database), out var options, out var problem), problem);
        return RegistrySource.Postgres(StateDirectory.OpenOrCreate(_directory[gateway]), options.WithPassword(password ?? PostgresServer.Shared.Password));
    }

    private static void Eventually(Func<bool> condition, string what)
    {
        var start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(30), $"Not within 30 s: {what}");
            Thread.Sleep(20);
        }
    }
}
