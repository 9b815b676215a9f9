using System.Net;
using System.Net.Sockets;
using IotPsk.Net.Datagrams;
using IotPsk.Net.Native;

namespace IotPsk.Net.Tests.Datagrams;

public sealed class BatchTests : IDisposable
{
    private const int Size = 512;
    private readonly int _socket;
    private readonly IPEndPoint _here;
    private readonly DatagramInbox _inbox = new(8, Size);
    private readonly DatagramCounters _counters = new();
    private readonly DatagramOutbox _outbox;

    public BatchTests()
    {
        _socket = DatagramSocketGroup.Open("test", new IPEndPoint(IPAddress.Loopback, 0), 1, out _here)[0];
        _outbox = new DatagramOutbox(_socket, 8, Size, _counters);
    }

    public void Dispose()
    {
        _inbox.Dispose();
        _outbox.Dispose();
        Tcp.Close(_socket);
    }

    [Fact]
    public void One_call_takes_every_datagram_that_waits_with_its_source()
    {
        using var first = NewSocket();
        using var second = NewSocket();
        first.SendTo("one"u8, _here);
        second.SendTo("two"u8, _here);
        first.SendTo([], _here);
        Assert.Equal(3, _inbox.Receive(_socket));
        Check(0, "one"u8, first);
        Check(1, "two"u8, second);
        Check(2, [], first);
        Assert.Equal(-Errno.EAGAIN, _inbox.Receive(_socket));
    }

    [Fact]
    public void What_exceeds_a_batch_waits_for_the_next()
    {
        using var peer = NewSocket();
        for (byte i = 0; i < 11; i++) peer.SendTo([i], _here);
        Assert.Equal(8, _inbox.Receive(_socket));
        Assert.Equal(3, _inbox.Receive(_socket));
        Check(2, [10], peer);
    }

    [Fact]
    public void An_oversized_datagram_is_told_apart_and_harms_no_other()
    {
        using var peer = NewSocket();
        peer.SendTo(new byte[Size], _here);
        peer.SendTo(new byte[Size + 1], _here);
        peer.SendTo("after"u8, _here);
        Assert.Equal(3, _inbox.Receive(_socket));
        Assert.True(_inbox.TryGet(0, out var largest, out _));
        Assert.Equal(Size, largest.Length);
        Assert.False(_inbox.TryGet(1, out _, out _));
        Check(2, "after"u8, peer);
    }

    [Fact]
    public void Answers_go_out_together_each_to_its_address()
    {
        using var first = NewSocket();
        using var second = NewSocket();
        Put("one", first);
        Put("two", second);
        Put("", first);
        Assert.Equal(0, _counters.Sent);
        _outbox.Flush();
        Assert.Equal(3, _counters.Sent);
        Assert.True(_outbox.IsEmpty);
        Assert.Equal("one", Read(first));
        Assert.Equal("", Read(first));
        Assert.Equal("two", Read(second));
    }

    [Fact]
    public void A_full_outbox_sends_by_itself()
    {
        using var peer = NewSocket();
        for (var i = 0; i < 9; i++) Put($"{i}", peer);
        Assert.Equal(8, _counters.Sent);
        _outbox.Flush();
        for (var i = 0; i < 9; i++) Assert.Equal($"{i}", Read(peer));
    }

    [Fact]
    public void An_address_without_a_way_costs_its_own_datagram_alone()
    {
        using var peer = NewSocket();
        Put("before", peer);
        // An IPv6 address cannot be reached from an IPv4 socket: EAFNOSUPPORT or ENETUNREACH from the kernel.
        Put("lost", PeerAddress.From(new IPEndPoint(IPAddress.IPv6Loopback, 9)));
        Put("after", peer);
        _outbox.Flush();
        Assert.Equal((2, 1), (_counters.Sent, _counters.SendsFailed));
        Assert.Equal("before", Read(peer));
        Assert.Equal("after", Read(peer));
    }

    [Fact]
    public void A_port_nobody_listens_on_stops_nothing()
    {
        using var peer = NewSocket();
        PeerAddress gone;
        using (var closed = NewSocket()) gone = AddressOf(closed);
        for (var i = 0; i < 5; i++)
        {
            Put("unheard", gone);
            _outbox.Flush();
            peer.SendTo("heard"u8, _here);
            Assert.Equal(1, _inbox.Receive(_socket));
            Check(0, "heard"u8, peer);
        }
        Put("still there", peer);
        _outbox.Flush();
        Assert.Equal("still there", Read(peer));
    }

    [Fact]
    public void Neither_way_allocates()
    {
        using var peer = NewSocket();
        var there = (IPEndPoint)peer.LocalEndPoint!;
        var address = PeerAddress.From(there);
        var here = _here.Serialize();
        var before = 0L;
        for (var i = 0; i < 200; i++)
        {
            if (i == 100) before = GC.GetAllocatedBytesForCurrentThread();
            peer.SendTo("x"u8, SocketFlags.None, here);
            // xunit's assertions allocate.
            if (_inbox.Receive(_socket) != 1 || !_inbox.TryGet(0, out var datagram, out var source) || source != address)
                throw new InvalidOperationException("Another datagram.");
            datagram.CopyTo(_outbox.Next());
            _outbox.Commit(datagram.Length, source);
            _outbox.Flush();
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void IPv6_works_alike()
    {
        var socket = DatagramSocketGroup.Open("test", new IPEndPoint(IPAddress.IPv6Loopback, 0), 1, out var here)[0];
        using var outbox = new DatagramOutbox(socket, 2, Size, _counters);
        using var peer = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 30_000 };
        peer.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
        peer.SendTo("six"u8, here);
        Assert.Equal(1, _inbox.Receive(socket));
        Check(0, "six"u8, peer);
        "back"u8.CopyTo(outbox.Next());
        outbox.Commit(4, AddressOf(peer));
        outbox.Flush();
        Assert.Equal("back", Read(peer));
        Tcp.Close(socket);
    }

    [Fact]
    public void A_second_instance_finds_the_address_in_use()
    {
        var exception = Assert.Throws<ListenException>(() => DatagramSocketGroup.Open("second", _here, 2, out _));
        Assert.True(exception.IsAddressInUse);
    }

    [Fact]
    public void A_group_shares_the_port_and_every_datagram_reaches_one_of_it()
    {
        var group = DatagramSocketGroup.Open("test", new IPEndPoint(IPAddress.Loopback, 0), 4, out var here);
        var received = 0;
        for (var i = 0; i < 64; i++)
        {
            using var peer = NewSocket();
            peer.SendTo([(byte)i], here);
        }
        foreach (var socket in group)
        {
            while (_inbox.Receive(socket) is > 0 and var count) received += count;
            Tcp.Close(socket);
        }
        Assert.Equal(64, received);
    }

    private static Socket NewSocket()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 30_000 };
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    private static PeerAddress AddressOf(Socket socket) => PeerAddress.From((IPEndPoint)socket.LocalEndPoint!);

    private static string Read(Socket socket)
    {
        var buffer = new byte[Size];
        return System.Text.Encoding.ASCII.GetString(buffer, 0, socket.Receive(buffer));
    }

    private void Put(string text, Socket peer) => Put(text, AddressOf(peer));

    private void Put(string text, PeerAddress peer) =>
        _outbox.Commit(System.Text.Encoding.ASCII.GetBytes(text, _outbox.Next()), peer);

    private void Check(int index, ReadOnlySpan<byte> expected, Socket from)
    {
        Assert.True(_inbox.TryGet(index, out var datagram, out var source));
        Assert.Equal(expected, datagram);
        Assert.Equal(AddressOf(from), source);
    }
}
