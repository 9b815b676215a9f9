using IotPsk.Net.Tests.Support;

namespace IotPsk.Net.Tests.Datagrams;

public class DatagramSessionTests
{
    [Fact]
    public async Task Associations_of_one_device_are_closed_and_all_others_stay()
    {
        using var bench = new DatagramBench(shards: 2);
        var revoked = Enumerable.Range(0, 5).Select(_ => bench.Connect("device-9")).ToList();
        var others = Enumerable.Range(0, 5).Select(_ => bench.Connect("device-8")).ToList();
        Assert.Equal(10, (await bench.Shards.GetSessionsAsync()).Count);
        Assert.Equal(5, await bench.Shards.CloseSessionsAsync(info => Equals(info.Tag, "device-9"), CloseReason.Revoked));
        foreach (var client in revoked) Assert.True(client.IsClosed());
        foreach (var client in others) Assert.Equal("alive", client.Echo("alive"));
        bench.Events.Wait("closed Revoked", 5);
        Assert.Equal(5, bench.Log.Count(line => line == "ended device-9 Revoked"));
        Assert.Equal(5, (await bench.Shards.GetSessionsAsync()).Count);
        revoked.Concat(others).ToList().ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task One_association_is_closed_by_its_id_and_the_id_of_an_ended_one_closes_nobody()
    {
        using var bench = new DatagramBench(shards: 2);
        using var first = bench.Connect("device-1");
        using var second = bench.Connect("device-2");
        var id = bench.SessionOf("device-1").Id;
        Assert.True(await bench.Shards.CloseSessionAsync(id, CloseReason.Administrative));
        Assert.True(first.IsClosed());
        Assert.False(await bench.Shards.CloseSessionAsync(id, CloseReason.Administrative));
        Assert.Equal("alive", second.Echo("alive"));
    }

    [Fact]
    public async Task A_device_whose_handshake_is_not_done_yet_is_closed_too()
    {
        using var bench = new DatagramBench();
        using var asked = new ManualResetEventSlim();
        using var client = new DatagramClient(bench.Server, psk: new byte[32]);
        bench.Resolver.OnResolve = request =>
        {
            TestResolver.ProvideNow(request);
            asked.Set();
        };
        client.HandshakeInVain(() => asked.IsSet, "the server asks for the key");
        Assert.Equal(1, await bench.Shards.CloseSessionsAsync(info => Equals(info.Tag, TestResolver.Device), CloseReason.Revoked));
        bench.Events.Wait("failed ClosedByOwner");
    }

    [Fact]
    public void What_was_revoked_says_nothing_any_more()
    {
        using var bench = new DatagramBench();
        using var client = bench.Connect();
        var late = client.Seal("late"u8);
        Assert.Equal(1, bench.Shards.CloseSessions(_ => true, CloseReason.Revoked));
        client.SendRaw(late);
        bench.Until(metrics => metrics.UnknownConnectionId == 1, "nobody knows it");
        Assert.Equal(0, bench.SessionOf().BytesUp);
        Assert.False(bench.SessionOf().IsOpen);
    }

    [Fact]
    public void A_device_that_says_goodbye_is_gone()
    {
        using var bench = new DatagramBench();
        using var client = bench.Connect();
        var datagram = new byte[4096];
        client.Dtls.Shutdown(datagram, out var written);
        client.SendRaw(datagram.AsSpan(0, written));
        bench.Events.Wait("closed PeerClosed");
        Assert.Equal(0, bench.Metrics.Sessions);
    }

    [Fact]
    public void The_one_that_was_silent_longest_makes_room()
    {
        using var bench = new DatagramBench(configure: options => options with { Limits = new DatagramLimits { Associations = 3 } });
        using var clients = new Disposables(Connected(bench, "device-a", "device-b", "device-c", out var list));
        // By age of handshake the first would have to go.
        Assert.Equal("heard", list[0].Echo("heard"));
        using var newcomer = bench.Connect("device-d");
        bench.Events.Wait("closed Evicted");
        Assert.Contains("ended device-b Evicted", bench.Log);
        Assert.True(list[1].IsClosed());
        Assert.Equal("alive", list[0].Echo("alive"));
        Assert.Equal("alive", list[2].Echo("alive"));
        Assert.Equal("alive", newcomer.Echo("alive"));
        Assert.Equal((3L, 1L), (bench.Metrics.Sessions, bench.Metrics.Evicted));
    }

    [Fact]
    public void Nothing_that_anybody_can_send_evicts_or_refreshes_an_association()
    {
        using var bench = new DatagramBench(configure: options => options with { Limits = new DatagramLimits { Associations = 2 } });
        using var clients = new Disposables(Connected(bench, "device-a", "device-b", null, out var list));
        // Forged in the name of the oldest, and half a handshake: both without a key.
        var forged = list[0].Seal("forged"u8);
        forged[^1] ^= 1;
        list[1].SendRaw(forged);
        using var stranger = new DatagramClient(bench.Server);
        DatagramHandshakeTests.Verified(stranger);
        stranger.ReceiveRaw();
        bench.Settle();
        Assert.Equal(0, bench.Metrics.Evicted);
        using var newcomer = bench.Connect("device-c");
        bench.Events.Wait("closed Evicted");
        bench.Settle();
        Assert.Contains("ended device-a Evicted", bench.Log);
    }

    [Fact]
    public void Silence_ends_an_association_and_a_sign_of_life_puts_that_off()
    {
        using var bench = new DatagramBench(configure: options => options with { Limits = new DatagramLimits { IdleTimeout = TimeSpan.FromDays(2) } });
        using var quiet = bench.Connect("device-quiet");
        using var lively = bench.Connect("device-lively");
        bench.Time.Advance(TimeSpan.FromDays(1));
        bench.Settle();
        Assert.Equal("alive", lively.Echo("alive"));
        bench.Time.Advance(TimeSpan.FromDays(1));
        bench.Events.Wait("closed IdleTimeout");
        bench.Settle();
        Assert.Contains("ended device-quiet IdleTimeout", bench.Log);
        Assert.Equal("alive", lively.Echo("alive"));
        bench.Time.Advance(TimeSpan.FromDays(2));
        bench.Events.Wait("closed IdleTimeout", 2);
        Assert.Equal(2, bench.Metrics.Expired);
    }

    [Fact]
    public void A_bug_of_the_application_costs_one_association()
    {
        using var bench = new DatagramBench();
        using var unlucky = bench.Connect("device-unlucky");
        using var other = bench.Connect("device-other");
        unlucky.Send("throw"u8);
        bench.Events.Wait("fault application bug");
        bench.Events.Wait("closed LocalFault");
        Assert.Equal("alive", other.Echo("alive"));
        Assert.True(bench.SessionOf("device-other").TryPost(_ => throw new InvalidOperationException("posted bug")));
        bench.Events.Wait("fault posted bug");
        bench.Events.Wait("closed LocalFault", 2);
    }

    [Fact]
    public void Events_that_throw_cost_one_association_each()
    {
        using var bench = new DatagramBench();
        using var other = bench.Connect("device-other");
        bench.Events.OnConnected = _ => throw new InvalidOperationException("event bug");
        using var client = bench.Connect("device-unlucky");
        bench.Events.Wait("fault event bug");
        bench.Events.Wait("closed LocalFault");
        Assert.Equal("alive", other.Echo("alive"));
    }

    [Fact]
    public void Another_thread_sends_by_the_associations_own()
    {
        using var bench = new DatagramBench(shards: 2);
        using var client = bench.Connect();
        var session = bench.SessionOf();
        Assert.True(DatagramBench.On(session, each => each.Send("a command"u8)));
        Assert.Equal("a command"u8, client.Receive());
        Assert.False(DatagramBench.On(session, each => each.Send(new byte[each.MaxPlaintext + 1])));
        Assert.True(DatagramBench.On(session, each => each.Send(new byte[each.MaxPlaintext])));
        Assert.Equal(bench.Listener.Options.Mtu, client.ReceiveRaw().Length);
    }

    [Fact]
    public void The_application_is_woken_when_it_wants_and_works_on_the_shards_thread()
    {
        using var bench = new DatagramBench();
        var application = bench.Applications[0];
        using var set = new ManualResetEventSlim();
        application.Shard.TryPost(() =>
        {
            application.Shard.SetAlarm(application.Shard.Now + 500);
            application.Shard.SetAlarm(application.Shard.Now + 1000);
            set.Set();
        });
        Assert.True(set.Wait(TimeSpan.FromSeconds(30)));
        bench.Time.Advance(TimeSpan.FromMilliseconds(999));
        bench.Settle();
        Assert.DoesNotContain(bench.Log, line => line.StartsWith("alarm", StringComparison.Ordinal));
        bench.Time.Advance(TimeSpan.FromMilliseconds(1));
        Bench.Until(() => bench.Log.Contains("alarm 1000"), "the alarm comes");
        application.Shard.TryPost(() => throw new InvalidOperationException("posted bug"));
        bench.Events.Wait("fault posted bug");
    }

    [Fact]
    public void A_lost_last_flight_is_sent_again_for_a_while()
    {
        using var bench = new DatagramBench();
        using var client = new DatagramClient(bench.Server);
        DatagramHandshakeTests.Verified(client);
        while (!client.Dtls.HasOutput) client.Feed(client.ReceiveRaw());
        var finished = new List<byte[]>();
        while (client.NextFlight() is { Length: > 0 } datagram) finished.Add(datagram);
        finished.ForEach(datagram => client.SendRaw(datagram));
        bench.Until(metrics => metrics.Sessions == 1, "the server is done");
        // The answer is lost; the client says its part again, as its timer makes it.
        client.ReceiveRaw();
        client.Dtls.Tick(Environment.TickCount64 + 10_000);
        client.Flush();
        Assert.Null(client.Handshake());
        Assert.Equal("alive", client.Echo("alive"));
        Assert.Equal(1, bench.Metrics.HandshakesCompleted);
        bench.Time.Advance(TimeSpan.FromMinutes(5));
        bench.Settle();
        Assert.Equal("alive", client.Echo("alive"));
        Assert.False(DatagramBench.On(bench.SessionOf(), each => each.IsSettling));
    }

    [Fact]
    public async Task A_stop_says_goodbye_to_everybody()
    {
        using var bench = new DatagramBench(shards: 2);
        using var clients = new Disposables(Connected(bench, "device-a", "device-b", "device-c", out var list));
        await bench.Shards.StopAsync(TimeSpan.FromSeconds(30)).WaitAsync(TimeSpan.FromSeconds(30));
        foreach (var client in list) Assert.True(client.IsClosed());
        Assert.Equal(3, bench.Events.Count("closed Stopping"));
        Assert.Throws<ObjectDisposedException>(() => bench.Shards.Listen(bench.Listener.Options));
    }

    [Fact]
    public void A_closed_listener_frees_its_port_and_leaves_the_shards_alone()
    {
        using var bench = new DatagramBench(shards: 2);
        using var client = bench.Connect();
        bench.Listener.Dispose();
        Assert.True(client.IsClosed());
        bench.Settle();
        using var again = bench.Shards.Listen(bench.Listener.Options with { Listen = bench.Server });
        using var second = DatagramClient.Connected(again.EndPoint);
        Assert.Equal("alive", second.Echo("alive"));
    }

    [Fact]
    public void Options_out_of_range_are_named()
    {
        using var bench = new DatagramBench();
        Assert.Throws<ArgumentOutOfRangeException>(() => bench.Shards.Listen(bench.Listener.Options with { Mtu = 255 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => bench.Shards.Listen(bench.Listener.Options with { Mtu = 4097 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => bench.Shards.Listen(bench.Listener.Options with { Limits = new DatagramLimits { Associations = 0 } }));
        Assert.Throws<ArgumentOutOfRangeException>(() => bench.Shards.Listen(bench.Listener.Options with { Limits = new DatagramLimits { PathTimeout = TimeSpan.Zero } }));
        Assert.Throws<FormatException>(() => bench.Shards.Listen(bench.Listener.Options with { Listen = Bench.AnyPort, Application = _ => throw new FormatException() }));
        Assert.Throws<ListenException>(() => bench.Shards.Listen(bench.Listener.Options with { Listen = bench.Server }));
    }

    private static List<DatagramClient> Connected(DatagramBench bench, string first, string second, string? third, out List<DatagramClient> list) =>
        list = [.. new[] { first, second, third }.OfType<string>().Select(identity =>
        {
            var client = bench.Connect(identity);
            // One after the other by the clock as well.
            bench.Time.Advance(TimeSpan.FromMilliseconds(10));
            bench.Settle();
            return client;
        })];
}
