using System.Net.Sockets;
using IotPsk.Net.Tests.Support;

namespace IotPsk.Net.Tests.Endpoint;

public class ShardSetTests
{
    [Fact]
    public async Task Sessions_of_one_device_are_closed_and_all_others_stay()
    {
        using var bench = new Bench(shards: 2);
        var revoked = Enumerable.Range(0, 10).Select(_ => TestClient.Connected(bench.Server, "device-9~1")).ToList();
        var others = Enumerable.Range(0, 10).Select(_ => TestClient.Connected(bench.Server, "device-8~1")).ToList();
        bench.Events.Wait("connected", 20);
        Assert.Equal(10, await bench.Shards.CloseSessionsAsync(info => Equals(info.Tag, "device-9~1"), CloseReason.Revoked));
        foreach (var client in revoked) Assert.True(client.Receive().IsEmpty);
        foreach (var client in others) Assert.Equal("alive", client.Echo("alive"));
        bench.Events.Wait("closed Revoked", 10);
        Assert.Equal(10, (await bench.Shards.GetSessionsAsync()).Count);
        revoked.Concat(others).ToList().ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task One_session_is_closed_by_its_id_and_the_id_of_an_ended_one_closes_nobody()
    {
        using var bench = new Bench(shards: 2);
        using var first = bench.Connect();
        using var second = bench.Connect();
        bench.Events.Wait("connected", 2);
        var sessions = await bench.Shards.GetSessionsAsync();
        Assert.True(await bench.Shards.CloseSessionAsync(sessions[0].Id, CloseReason.Administrative));
        bench.Events.Wait("closed Administrative");
        Bench.Until(() => bench.Shards.ReadMetrics().Sessions == 1, "one is gone");
        Assert.False(await bench.Shards.CloseSessionAsync(sessions[0].Id, CloseReason.Administrative));
        Assert.False(await bench.Shards.CloseSessionAsync(-1, CloseReason.Administrative));
        using var third = bench.Connect();
        bench.Events.Wait("connected", 3);
        Assert.False(await bench.Shards.CloseSessionAsync(sessions[0].Id, CloseReason.Administrative));
        Assert.Equal(2, (await bench.Shards.GetSessionsAsync()).Count);
    }

    [Fact]
    public void A_revoked_session_passes_nothing_on_any_more()
    {
        using var bench = new Bench(echo: false);
        using var client = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        Assert.Equal(1, bench.Shards.CloseSessions(_ => true, CloseReason.Revoked));
        client.Send("too late"u8);
        Assert.Empty(TestUpstream.ReadAll(upstream));
    }

    [Fact]
    public void A_blocked_session_is_closed_like_any_other()
    {
        using var bench = new Bench(echo: false);
        using var client = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        upstream.SendTimeout = 200;
        Assert.Throws<SocketException>(() => SendForever(upstream));
        Assert.Equal(1, bench.Shards.CloseSessions(_ => true, CloseReason.Revoked));
        bench.Events.Wait("closed Revoked");
        // What it did not take is kept for the linger time at most.
        bench.Time.Advance(TimeSpan.FromSeconds(5));
        Bench.Until(() => bench.Shards.ReadMetrics() is { Connections: 0, BufferedBytes: 0 }, "everything is given back");
    }

    private static void SendForever(Socket socket)
    {
        while (true) socket.Send(new byte[256 * 1024]);
    }

    [Fact]
    public void A_device_whose_handshake_is_not_done_yet_is_closed_too()
    {
        using var bench = new Bench();
        using var client = new TestClient(bench.Server);
        client.SendRaw(client.FirstFlight());
        Bench.Until(() => bench.Shards.ReadMetrics().PskRequests == 1, "the key was asked for");
        Assert.Equal(1, bench.Shards.CloseSessions(info => Equals(info.Tag, TestResolver.Device), CloseReason.Revoked));
        bench.Events.Wait("failed ClosedByOwner");
        Assert.Equal(0, bench.Events.Count("connected"));
    }

    [Fact]
    public void A_predicate_that_throws_is_the_callers_own_problem()
    {
        using var bench = new Bench();
        using var client = bench.Connect();
        Assert.Throws<FormatException>(() => bench.Shards.CloseSessions(_ => throw new FormatException(), CloseReason.Administrative));
        Assert.Equal("alive", client.Echo("alive"));
    }

    [Fact]
    public void Waiting_for_the_shards_on_a_shard_is_refused_and_asking_is_not()
    {
        using var bench = new Bench();
        Exception? refused = null;
        Task<int>? asked = null;
        bench.Events.OnConnected = _ =>
        {
            refused = Record.Exception(() => bench.Shards.CloseSessions(_ => true, CloseReason.Replaced));
            asked = bench.Shards.CloseSessionsAsync(_ => true, CloseReason.Replaced);
        };
        using var client = bench.Connect();
        bench.Events.Wait("closed Replaced");
        Assert.IsType<InvalidOperationException>(refused);
        Assert.NotNull(asked);
    }

    [Fact]
    public async Task A_graceful_stop_says_goodbye_and_lets_clients_finish()
    {
        using var bench = new Bench(echo: false, shards: 2);
        using var client = bench.Connect();
        using var silent = new TestClient(bench.Server);
        using var upstream = bench.Upstream.Accept();
        upstream.Send("before"u8);
        Assert.Equal("before"u8, client.Receive(6));
        bench.Events.Wait("accepted", 2);
        var stopped = bench.Shards.StopAsync(TimeSpan.FromSeconds(30));
        Assert.True(client.Receive().IsEmpty);
        Assert.False(stopped.IsCompleted);
        client.Send("a publish on its way"u8);
        client.SendCloseNotify();
        Assert.Equal("a publish on its way"u8, TestUpstream.ReadAll(upstream));
        await stopped.WaitAsync(TimeSpan.FromSeconds(30));
        bench.Events.Wait("closed Stopping");
        bench.Events.Wait("failed ClosedByOwner");
        Assert.Throws<SocketException>(() => new TestClient(bench.Server));
    }

    [Fact]
    public async Task A_drain_ends_when_its_time_is_over()
    {
        using var bench = new Bench(echo: false);
        using var client = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        upstream.Send("relaying"u8);
        client.Receive(8);
        var stopped = bench.Shards.StopAsync(TimeSpan.FromSeconds(30));
        Assert.True(client.Receive().IsEmpty);
        bench.Time.Advance(TimeSpan.FromSeconds(29));
        Assert.False(stopped.IsCompleted);
        bench.Time.Advance(TimeSpan.FromSeconds(1));
        await stopped.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(1, bench.Events.Count("closed Stopping"));
    }

    [Fact]
    public async Task A_stop_without_drain_still_says_goodbye()
    {
        using var bench = new Bench();
        using var client = bench.Connect();
        client.Echo("x");
        await bench.Shards.StopAsync(TimeSpan.Zero).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.True(client.Receive().IsEmpty);
        Assert.Throws<ObjectDisposedException>(() => bench.Shards.Listen(bench.Listener.Options));
        Assert.Equal(0, await bench.Shards.CloseSessionsAsync(_ => true, CloseReason.Revoked));
        Assert.Empty(await bench.Shards.GetSessionsAsync());
    }
}
