using System.Net;
using System.Net.Sockets;
using IotPsk.Net.Tests.Support;

namespace IotPsk.Net.Tests.Sessions;

public class UpstreamTests
{
    private static IPEndPoint ClosedPort()
    {
        using var taken = new TestUpstream();
        return taken.EndPoint;
    }

    [Fact]
    public void A_refused_upstream_ends_a_tunnel_with_close_notify()
    {
        using var bench = new Bench(upstream: ClosedPort());
        using var client = bench.Connect();
        Assert.True(client.Receive().IsEmpty);
        bench.Events.Wait("upstream connection refused");
        bench.Events.Wait("closed UpstreamUnreachable");
        Assert.Equal(1, bench.Shards.ReadMetrics().UpstreamFailures);
    }

    [Fact]
    public void An_upstream_address_the_kernel_refuses_at_once_is_the_same_kind_of_failure()
    {
        using var bench = new Bench(upstream: new IPEndPoint(IPAddress.Broadcast, 1883));
        using var client = bench.Connect();
        Assert.True(client.Receive().IsEmpty);
        bench.Events.Wait("upstream ");
        bench.Events.Wait("closed UpstreamUnreachable");
    }

    [Fact]
    public void A_refused_upstream_is_told_in_the_words_of_the_protocol()
    {
        using var bench = new Bench(upstream: ClosedPort(), prologue: () => new LinePrologue());
        using var client = bench.Connect();
        client.Send("hello dev\n"u8);
        Assert.Equal("unavailable\n"u8, client.Receive(12));
        Assert.True(client.Receive().IsEmpty);
        bench.Events.Wait("closed UpstreamUnreachable");
    }

    [Fact]
    public void An_upstream_that_does_not_answer_is_given_up_after_the_connect_time()
    {
        using var full = new FullAcceptQueue();
        using var bench = new Bench(upstream: full.EndPoint, prologue: () => new LinePrologue());
        using var client = bench.Connect();
        client.Send("hello dev\n"u8);
        Bench.Until(() => client.Socket.Connected && bench.Shards.ReadMetrics().Sessions == 1, "the session stands");
        bench.Settle();
        bench.Settle();
        for (var i = 0; i < 100 && bench.Events.Count("closed") == 0; i++)
        {
            // The prologue's line may still be on its way when time moves first.
            bench.Time.Advance(TimeSpan.FromSeconds(4.9));
            if (i == 0) Assert.Equal(0, bench.Events.Count("closed"));
            bench.Settle();
        }
        bench.Events.Wait("closed UpstreamTimeout");
        Assert.Equal("unavailable\n"u8, client.Receive(12));
    }

    [Fact]
    public void What_the_upstream_said_before_its_end_arrives_and_then_close_notify()
    {
        using var bench = new Bench(echo: false);
        using var client = bench.Connect();
        var data = Patterns.Make(2_000_000, seed: 1);
        using (var upstream = bench.Upstream.Accept())
        {
            upstream.Send(data);
            upstream.Shutdown(SocketShutdown.Both);
        }
        Assert.Equal(data, client.Receive(data.Length));
        Assert.True(client.Receive().IsEmpty);
        client.Dispose();
        bench.Events.Wait("closed UpstreamClosed");
    }

    [Fact]
    public void A_client_that_ignores_the_end_is_dropped_after_the_linger()
    {
        using var bench = new Bench(echo: false);
        using var client = bench.Connect();
        bench.Upstream.Accept().Dispose();
        Assert.True(client.Receive().IsEmpty);
        bench.Settle();
        Assert.Equal(0, bench.Events.Count("closed"));
        bench.Time.Advance(TimeSpan.FromSeconds(5));
        bench.Events.Wait("closed UpstreamClosed");
    }

    [Fact]
    public void A_reset_upstream_is_no_clean_end_for_the_client()
    {
        using var bench = new Bench(echo: false);
        using var client = bench.Connect();
        using (var upstream = bench.Upstream.Accept())
        {
            upstream.Send("relaying"u8);
            client.Receive(8);
            upstream.LingerState = new LingerOption(true, 0);
        }
        Assert.ThrowsAny<Exception>(() => client.Receive(1));
        bench.Events.Wait("closed UpstreamReset");
    }

    [Fact]
    public void What_the_client_still_sends_after_the_upstreams_end_is_forwarded()
    {
        using var bench = new Bench(echo: false);
        using var client = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        upstream.Shutdown(SocketShutdown.Send);
        Assert.True(client.Receive().IsEmpty);
        client.Send("last words"u8);
        client.SendCloseNotify();
        Assert.Equal("last words"u8, TestUpstream.ReadAll(upstream));
        bench.Events.Wait("closed");
    }

    /// <summary>A port whose accept queue is full, so that the kernel leaves further SYNs unanswered.</summary>
    private sealed class FullAcceptQueue : IDisposable
    {
        private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private readonly List<Socket> _waiting = [];

        internal FullAcceptQueue()
        {
            _listener.Bind(Bench.AnyPort);
            _listener.Listen(0);
            for (var i = 0; i < 8; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
                _waiting.Add(socket);
                try
                {
                    socket.Connect(_listener.LocalEndPoint!);
                }
                catch (SocketException exception) when (exception.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
                {
                    // It completes or waits; either way it fills the queue.
                }
            }
        }

        internal IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndPoint!;

        public void Dispose()
        {
            _waiting.ForEach(socket => socket.Dispose());
            _listener.Dispose();
        }
    }
}
