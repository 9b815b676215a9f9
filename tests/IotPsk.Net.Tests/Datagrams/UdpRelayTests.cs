using System.Net;
using System.Net.Sockets;
using IotPsk.TestSupport;

namespace IotPsk.Net.Tests.Datagrams;

public sealed class UdpRelayTests : IDisposable
{
    private readonly Socket _server = NewSocket();
    private readonly Socket _client = NewSocket();

    public void Dispose()
    {
        _server.Dispose();
        _client.Dispose();
    }

    [Fact]
    public void A_good_network_passes_everything_both_ways_in_order()
    {
        using var relay = NewRelay(new Impairment());
        for (byte i = 0; i < 100; i++) _client.SendTo([i], relay.EndPoint);
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        for (byte i = 0; i < 100; i++) Assert.Equal([i], Read(_server, ref from));
        _server.SendTo("answer"u8, from);
        EndPoint back = new IPEndPoint(IPAddress.Any, 0);
        Assert.Equal("answer"u8, Read(_client, ref back));
        Assert.Equal(relay.EndPoint, back);
        Assert.Equal((101, 0), (relay.Delivered, relay.Dropped));
    }

    [Fact]
    public void Loss_and_duplication_are_those_of_the_seed()
    {
        var first = Survivors(seed: 7);
        Assert.Equal(first, Survivors(seed: 7));
        Assert.NotEqual(first, Survivors(seed: 8));
        // 200 datagrams, 30 % lost, 20 % of the others doubled.
        Assert.InRange(first.Distinct().Count(), 100, 180);
        Assert.InRange(first.Count - first.Distinct().Count(), 10, 60);
    }

    [Fact]
    public void Large_datagrams_do_not_fit_and_small_ones_do()
    {
        using var relay = NewRelay(new Impairment { Mtu = 100 });
        _client.SendTo(new byte[101], relay.EndPoint);
        _client.SendTo(new byte[100], relay.EndPoint);
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        Assert.Equal(100, Read(_server, ref from).Length);
        Assert.Equal(1, relay.Dropped);
    }

    [Fact]
    public void A_late_datagram_is_overtaken()
    {
        using var relay = NewRelay(new Impairment { Reordering = 1, Lateness = TimeSpan.FromMilliseconds(200) });
        _client.SendTo("late"u8, relay.EndPoint);
        Support.Bench.Until(() => relay.Underway == 1, "the first is on its way");
        relay.Impairment = new Impairment();
        _client.SendTo("early"u8, relay.EndPoint);
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        Assert.Equal("early"u8, Read(_server, ref from));
        Assert.Equal("late"u8, Read(_server, ref from));
    }

    [Fact]
    public void After_a_rebinding_the_server_sees_another_port_and_the_old_one_is_dead()
    {
        using var relay = NewRelay(new Impairment());
        EndPoint before = new IPEndPoint(IPAddress.Any, 0), after = new IPEndPoint(IPAddress.Any, 0), back = new IPEndPoint(IPAddress.Any, 0);
        _client.SendTo("before"u8, relay.EndPoint);
        Read(_server, ref before);
        relay.Rebind();
        _client.SendTo("after"u8, relay.EndPoint);
        Assert.Equal("after"u8, Read(_server, ref after));
        Assert.NotEqual(before, after);
        _server.SendTo("to the old port"u8, before);
        _server.SendTo("to the new port"u8, after);
        Assert.Equal("to the new port"u8, Read(_client, ref back));
    }

    private List<byte> Survivors(int seed)
    {
        using var relay = NewRelay(new Impairment { Loss = 0.3, Duplication = 0.2 }, seed);
        var buffer = new byte[16];
        var all = new List<byte>();
        for (byte i = 0; i < 200; i++)
        {
            _client.SendTo([i], relay.EndPoint);
            // One at a time, so that no buffer overflows: the network's own losses are all there are.
            Support.Bench.Until(() => relay.Seen == i + 1, "the relay has seen it");
            while (_server.Poll(TimeSpan.Zero, SelectMode.SelectRead)) all.AddRange(buffer.AsSpan(0, _server.Receive(buffer)));
        }
        Support.Bench.Until(() => relay.Underway == 0, "everything is delivered");
        while (_server.Poll(TimeSpan.FromMilliseconds(1), SelectMode.SelectRead)) all.AddRange(buffer.AsSpan(0, _server.Receive(buffer)));
        return all;
    }

    private UdpRelay NewRelay(Impairment impairment, int seed = 1) => new((IPEndPoint)_server.LocalEndPoint!, impairment, seed);

    private static Socket NewSocket()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 30_000 };
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    private static byte[] Read(Socket socket, ref EndPoint from)
    {
        var buffer = new byte[2048];
        return buffer[..socket.ReceiveFrom(buffer, ref from)];
    }
}
