using System.Net.Sockets;
using IotPsk.Net.Tests.Support;

namespace IotPsk.Net.Tests.Sessions;

/// <summary>Clients that leave at any moment in any way, and upstreams that do the same.</summary>
public class ChaosTests
{
    private const int Threads = 4;
    private const int PerThread = 120;

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    [InlineData(3, true)]
    public async Task Whatever_clients_and_upstreams_do_nothing_is_left_behind_and_nobody_else_notices(int seed, bool withPrologue)
    {
        using var bench = new Bench(prologue: withPrologue ? () => new LinePrologue() : null, echo: false, shards: 2);
        using var stop = new CancellationTokenSource();
        var upstream = Task.Factory.StartNew(() => BehaveBadly(bench.Upstream, seed, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        bench.Resolver.OnResolve = SometimesElsewhere;
        using var echo = new TestUpstream(echo: true);
        using var quiet = bench.Shards.Listen(bench.Listener.Options with { Name = "quiet", Upstream = echo.EndPoint, Prologue = null });
        using var healthy = TestClient.Connected(quiet.EndPoint);
        Assert.Equal("before", healthy.Echo("before"));
        Parallel.For(0, Threads, new ParallelOptions { MaxDegreeOfParallelism = Threads }, thread =>
        {
            var random = new Random(seed * 100 + thread);
            for (var i = 0; i < PerThread; i++) Act(bench, random, withPrologue);
        });
        Assert.Equal("after", healthy.Echo("after"));
        bench.Shards.CloseSessions(_ => true, CloseReason.Administrative);
        Assert.True(healthy.Receive().IsEmpty);
        healthy.Dispose();
        // Whoever said nothing is ended by the clock, in virtual time.
        Bench.Until(() =>
        {
            bench.Time.Advance(TimeSpan.FromSeconds(1));
            return bench.Shards.ReadMetrics() is { Connections: 0, HalfOpen: 0, BufferedBytes: 0, Sessions: 0 };
        }, "everything is given back");
        await stop.CancelAsync();
        await upstream.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Empty(bench.Events.Faults);
        var metrics = bench.Shards.ReadMetrics();
        Assert.Equal(metrics.Accepted, metrics.HandshakesCompleted + metrics.HandshakesFailed);
        Assert.Equal(metrics.SessionsOpened, bench.Events.Ends.Count);
    }

    private static void SometimesElsewhere(PskRequest request)
    {
        if (Random.Shared.Next(2) == 0) TestResolver.ProvideNow(request);
        else ThreadPool.QueueUserWorkItem(_ => TestResolver.Provide(request, "elsewhere"));
    }

    private static void Act(Bench bench, Random random, bool withPrologue)
    {
        using var client = new TestClient(bench.Server);
        try
        {
            var choice = random.Next(10);
            if (choice == 0) return;
            if (choice == 1) client.SendRaw(Patterns.Make(random.Next(1, 5000), random.Next()));
            else if (choice == 2) client.SendRaw(client.FirstFlight().AsSpan(0, random.Next(1, 100)));
            else if (choice == 3) client.SendRaw(client.FirstFlight());
            else Talk(client, random, withPrologue);
            if (random.Next(2) == 0) client.Reset();
        }
        catch (Exception exception) when (exception is SocketException or EndOfStreamException or InvalidOperationException)
        {
            // The other end left first.
        }
    }

    private static void Talk(TestClient client, Random random, bool withPrologue)
    {
        var line = "hello dev\n"u8;
        if (client.Handshake(withPrologue && random.Next(2) == 0 ? line : default) is not null) return;
        if (withPrologue && random.Next(4) != 0) client.Send(line);
        for (var i = random.Next(4); i > 0; i--) client.Send(Patterns.Make(random.Next(1, 60_000), i));
        if (random.Next(8) == 0) client.SendRaw(Patterns.Make(100, 1));
        if (random.Next(2) == 0) client.SendCloseNotify();
        if (random.Next(2) == 0) client.Socket.Shutdown(SocketShutdown.Send);
        client.Socket.ReceiveTimeout = 5;
        if (random.Next(2) == 0) client.Receive();
    }

    private static void BehaveBadly(TestUpstream upstream, int seed, CancellationToken stop)
    {
        var random = new Random(seed);
        var open = new List<Socket>();
        while (!stop.IsCancellationRequested)
        {
            if (!upstream.HasCaller)
            {
                Thread.Sleep(1);
                continue;
            }
            var socket = upstream.Accept();
            socket.SendTimeout = 5;
            open.Add(socket);
            try
            {
                var choice = random.Next(5);
                if (choice >= 1) socket.Send(Patterns.Make(random.Next(1, 300_000), 1));
                if (choice == 2) socket.Dispose();
                if (choice == 3) socket.Shutdown(SocketShutdown.Send);
                if (choice == 4) socket.LingerState = new LingerOption(true, 0);
                if (choice == 4) socket.Dispose();
            }
            catch (SocketException)
            {
                // The session was over already, or it does not read.
            }
        }
        open.ForEach(socket => socket.Dispose());
    }
}
