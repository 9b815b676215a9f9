using System.Net;
using System.Net.Sockets;
using IotPsk.Net.Tests.Support;

namespace IotPsk.Net.Tests.Endpoint;

public class ListenerTests
{
    private static TlsListenerOptions Options(Bench bench, IPEndPoint listen, string name = "other") =>
        new() { Name = name, Listen = listen, Upstream = bench.Upstream.EndPoint, Tls = TestTls.Server };

    [Fact]
    public void Port_zero_gets_a_port_that_all_shards_share()
    {
        using var bench = new Bench(shards: 4);
        Assert.NotEqual(0, bench.Server.Port);
        for (var i = 0; i < 40; i++)
        {
            using var client = bench.Connect();
            Assert.Equal("hi", client.Echo("hi"));
        }
        Assert.True(bench.Shards.Shards.Count(shard => shard.Counters.Accepted > 0) > 1, "40 connections all fell to one of 4 shards");
    }

    [Fact]
    public void IPv6_is_served_like_IPv4()
    {
        using var bench = new Bench();
        using var listener = bench.Shards.Listen(Options(bench, new IPEndPoint(IPAddress.IPv6Loopback, 0)));
        using var client = TestClient.Connected(listener.EndPoint);
        Assert.Equal("six", client.Echo("six"));
        Assert.Equal(IPAddress.IPv6Loopback, bench.Events.Sessions.Last().Remote.Address);
    }

    [Fact]
    public void Any_address_of_both_families_can_have_the_same_port()
    {
        using var bench = new Bench();
        using var four = bench.Shards.Listen(Options(bench, new IPEndPoint(IPAddress.Any, 0)));
        using var six = bench.Shards.Listen(Options(bench, new IPEndPoint(IPAddress.IPv6Any, four.EndPoint.Port)));
        using var client = TestClient.Connected(new IPEndPoint(IPAddress.Loopback, four.EndPoint.Port));
        using var other = TestClient.Connected(new IPEndPoint(IPAddress.IPv6Loopback, four.EndPoint.Port));
        Assert.Equal("4", client.Echo("4"));
        Assert.Equal("6", other.Echo("6"));
    }

    [Fact]
    public void A_port_in_use_is_named_with_what_to_do_about_it()
    {
        using var bench = new Bench();
        var refused = Assert.Throws<ListenException>(() => bench.Shards.Listen(Options(bench, bench.Upstream.EndPoint)));
        Assert.True(refused.IsAddressInUse);
        Assert.Equal(bench.Upstream.EndPoint, refused.EndPoint);
        Assert.Contains(bench.Upstream.EndPoint.ToString(), refused.Message, StringComparison.Ordinal);
        Assert.Contains("'other'", refused.Message, StringComparison.Ordinal);
        Assert.Contains("already in use", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_second_instance_does_not_share_the_port_unnoticed()
    {
        using var bench = new Bench();
        using var second = new Bench();
        Assert.True(Assert.Throws<ListenException>(() => second.Shards.Listen(Options(second, bench.Server))).IsAddressInUse);
    }

    [Fact]
    public void An_address_of_another_machine_is_refused_by_name()
    {
        using var bench = new Bench();
        var refused = Assert.Throws<ListenException>(() => bench.Shards.Listen(Options(bench, IPEndPoint.Parse("192.0.2.1:8883"))));
        Assert.Contains("no interface", refused.Message, StringComparison.Ordinal);
        Assert.False(refused.IsAddressInUse);
    }

    [Fact]
    public void A_closed_listener_accepts_nobody_and_its_sessions_go_on()
    {
        using var bench = new Bench();
        using var client = bench.Connect();
        bench.Listener.Dispose();
        bench.Listener.Dispose();
        bench.Settle();
        Assert.Throws<SocketException>(() => new TestClient(bench.Server));
        Assert.Equal("alive", client.Echo("alive"));
        // TIME_WAIT and living sessions do not keep the port.
        using var again = bench.Shards.Listen(Options(bench, bench.Server));
        using var next = TestClient.Connected(again.EndPoint);
        Assert.Equal("again", next.Echo("again"));
    }

    [Fact]
    public void Updated_options_hold_for_the_next_connection()
    {
        using var bench = new Bench(echo: false);
        using var moved = new TestUpstream(echo: true);
        using var before = bench.Connect();
        bench.Listener.Update(bench.Listener.Options with { Upstream = moved.EndPoint });
        using var after = bench.Connect();
        Assert.Equal("moved", after.Echo("moved"));
        using var old = bench.Upstream.Accept();
        old.Send("old"u8);
        Assert.Equal("old"u8, before.Receive(3));
        Assert.Throws<ArgumentException>(() => bench.Listener.Update(bench.Listener.Options with { Name = "renamed" }));
        Assert.Throws<ArgumentException>(() => bench.Listener.Update(bench.Listener.Options with { Listen = moved.EndPoint }));
    }
}
