using System.Buffers;
using System.Net.Sockets;
using System.Text;
using IotPsk.Net.Tests.Support;

namespace IotPsk.Net.Tests.Sessions;

/// <summary>What one listener asks of its sessions beyond the limits of all: silence, number, a greeting for the upstream.</summary>
public class ListenerRuleTests
{
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(60);

    [Fact]
    public void A_session_where_nothing_passes_ends_with_close_notify_and_one_where_something_does_goes_on()
    {
        using var bench = new Bench();
        bench.Listener.Update(bench.Listener.Options with { IdleTimeout = Idle });
        using var silent = bench.Connect();
        using var busy = bench.Connect();
        silent.Echo("once");
        busy.Echo("once");
        for (var i = 0; i < 3; i++)
        {
            bench.Time.Advance(Idle * 0.6);
            Assert.Equal("again", busy.Echo("again"));
        }
        bench.Events.Wait("closed IdleTimeout");
        Assert.True(silent.Receive().IsEmpty);
        Assert.Equal("alive", busy.Echo("alive"));
        bench.Time.Advance(Idle);
        bench.Events.Wait("closed IdleTimeout", 2);
    }

    [Fact]
    public void Bytes_of_the_upstream_count_as_well_and_a_half_closed_session_has_the_time_of_its_kind()
    {
        using var bench = new Bench(echo: false);
        bench.Listener.Update(bench.Listener.Options with { IdleTimeout = Idle });
        using var client = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        // It is accepted before the loop knows that it is connected.
        upstream.Send("here"u8);
        Assert.Equal("here"u8, client.Receive(4));
        for (var i = 0; i < 3; i++)
        {
            bench.Time.Advance(Idle * 0.6);
            upstream.Send("tick"u8);
            Assert.Equal("tick"u8, client.Receive(4));
        }
        client.SendCloseNotify();
        Assert.Empty(TestUpstream.ReadAll(upstream));
        bench.Time.Advance(Idle * 0.9);
        upstream.Send("late"u8);
        Assert.Equal("late"u8, client.Receive(4));
        upstream.Shutdown(SocketShutdown.Send);
        bench.Events.Wait("closed PeerClosed");
    }

    [Fact]
    public void A_listener_takes_no_more_connections_than_it_may_and_others_take_theirs()
    {
        using var bench = new Bench(shards: 2);
        bench.Listener.Update(bench.Listener.Options with { Connections = 2 });
        using var other = bench.Shards.Listen(bench.Listener.Options with { Name = "other", Connections = 0 });
        using var first = bench.Connect();
        var second = bench.Connect();
        using (var third = new TestClient(bench.Server))
        {
            bench.Events.Wait("refused TooManyOfListener");
        }
        using var elsewhere = TestClient.Connected(other.EndPoint);
        second.Dispose();
        Bench.Until(() => bench.Shards.ReadMetrics().Connections == 2, "a place is free");
        using var next = bench.Connect();
        Assert.Equal("in", next.Echo("in"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_upstream_is_greeted_before_everything_else(bool withPrologue)
    {
        using var bench = new Bench(echo: false, prologue: withPrologue ? () => new LinePrologue() : null);
        bench.Listener.Update(bench.Listener.Options with
        {
            Greeting = static (session, local, upstream) => upstream.Write(Encoding.ASCII.GetBytes($"from {session.Remote} to {local}\n")),
        });
        using var client = bench.Connect();
        client.Send("hello dev\n"u8);
        using var upstream = bench.Upstream.Accept();
        var greeting = $"from {client.Socket.LocalEndPoint} to {bench.Server}\n";
        Assert.Equal(greeting, Encoding.ASCII.GetString(TestUpstream.Read(upstream, greeting.Length)));
        var rest = withPrologue ? "user dev\n" : "hello dev\n";
        Assert.Equal(rest, Encoding.ASCII.GetString(TestUpstream.Read(upstream, rest.Length)));
    }

    [Fact]
    public void A_greeting_that_throws_costs_its_session_alone()
    {
        using var bench = new Bench();
        var throws = true;
        bench.Listener.Update(bench.Listener.Options with
        {
            Greeting = (_, _, upstream) =>
            {
                upstream.Write("half of "u8);
                if (throws) throw new InvalidOperationException("greeting bug");
            },
        });
        using (bench.Connect()) bench.Events.Wait("fault greeting bug");
        throws = false;
        using var client = bench.Connect();
        client.Send("it"u8);
        Assert.Equal("half of it"u8, client.Receive(10));
    }

    [Fact]
    public void Values_out_of_range_are_refused()
    {
        using var bench = new Bench();
        var options = bench.Listener.Options;
        Assert.ThrowsAny<ArgumentOutOfRangeException>(() => bench.Listener.Update(options with { IdleTimeout = TimeSpan.FromSeconds(-1) }));
        Assert.ThrowsAny<ArgumentOutOfRangeException>(() => bench.Listener.Update(options with { IdleTimeout = TimeSpan.FromDays(31) }));
        Assert.ThrowsAny<ArgumentOutOfRangeException>(() => bench.Shards.Listen(options with { Connections = -1 }));
    }
}
