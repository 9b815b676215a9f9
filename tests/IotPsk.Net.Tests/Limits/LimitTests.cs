using System.Net.Sockets;
using IotPsk.Net.Tests.Support;

namespace IotPsk.Net.Tests.Limits;

public class LimitTests
{
    private static void AssertRefused(Bench bench)
    {
        using var client = new TestClient(bench.Server);
        try
        {
            Assert.Equal(0, client.Socket.Receive(new byte[1]));
        }
        catch (SocketException exception)
        {
            Assert.Equal(SocketError.ConnectionReset, exception.SocketErrorCode);
        }
    }

    [Fact]
    public void Half_open_connections_are_limited_in_total_and_a_place_comes_free_with_the_handshake()
    {
        using var bench = new Bench(new NetLimits { HalfOpen = 3 }, shards: 2);
        var clients = Enumerable.Range(0, 3).Select(_ => new TestClient(bench.Server)).ToList();
        bench.Events.Wait("accepted", 3);
        AssertRefused(bench);
        bench.Events.Wait("refused TooManyHalfOpen");
        Assert.Equal(1, bench.Shards.ReadMetrics().RefusedHalfOpen);
        Assert.Null(clients[0].Handshake());
        Bench.Until(() => bench.Shards.ReadMetrics().HalfOpen == 2, "the place is free");
        using var next = bench.Connect();
        clients.ForEach(client => client.Dispose());
        Bench.Until(() => bench.Shards.ReadMetrics().Connections == 1, "the others are gone");
    }

    [Fact]
    public void Half_open_connections_of_one_prefix_are_limited()
    {
        using var bench = new Bench(new NetLimits { HalfOpenPerPrefix = 2, ExemptLoopback = false });
        using var first = new TestClient(bench.Server);
        using var second = new TestClient(bench.Server);
        bench.Events.Wait("accepted", 2);
        AssertRefused(bench);
        bench.Events.Wait("refused TooManyHalfOpenOfPrefix");
        bench.Time.Advance(TimeSpan.FromSeconds(10));
        bench.Events.Wait("failed Timeout", 2);
        using var next = bench.Connect();
        Assert.Equal("in", next.Echo("in"));
    }

    [Fact]
    public void Connections_are_limited_whatever_their_state()
    {
        using var bench = new Bench(new NetLimits { Connections = 2 });
        using var first = bench.Connect();
        var second = new TestClient(bench.Server);
        bench.Events.Wait("accepted", 2);
        AssertRefused(bench);
        bench.Events.Wait("refused TooManyConnections");
        Assert.Equal("alive", first.Echo("alive"));
        second.Dispose();
        bench.Events.Wait("failed PeerClosed");
        using var third = bench.Connect();
    }

    [Fact]
    public async Task Without_descriptors_clients_are_closed_instead_of_hanging_and_service_returns_with_them()
    {
        using var bench = new Bench();
        using (var warm = bench.Connect()) warm.Echo("everything is loaded and compiled now");
        using var established = bench.Connect();
        established.Echo("its upstream stands");
        using var waiting = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 30_000 };
        using (new NoDescriptors())
        {
            waiting.Connect(bench.Server);
            bench.Events.Wait("refused NoDescriptors");
            Assert.Equal(0, ReceiveOrReset(waiting));
            Assert.Equal("alive", established.Echo("alive"));
        }
        Assert.True(bench.Shards.ReadMetrics().NoDescriptors > 0);
        var next = Task.Run(bench.Connect);
        // The listener rests for a tenth of a second after such a failure.
        Bench.Until(() =>
        {
            bench.Time.Advance(TimeSpan.FromMilliseconds(100));
            return next.IsCompleted;
        }, "the next client is served");
        using var client = await next;
        Assert.Equal("back", client.Echo("back"));
    }

    private static int ReceiveOrReset(Socket socket)
    {
        try
        {
            return socket.Receive(new byte[1]);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
        {
            return 0;
        }
    }
}
