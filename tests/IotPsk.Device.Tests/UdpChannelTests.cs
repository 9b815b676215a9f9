using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace IotPsk.Device.Tests;

public sealed partial class UdpChannelTests
{
    private const int ClockThreadCpuTime = 3;

    [Fact]
    public void What_the_network_says_of_a_datagram_is_taken_and_the_wait_goes_on_without_work()
    {
        UdpChannel wire = SentInVain(out _);

        long before = ThreadTime();
        Assert.Equal(-1, wire.Receive(new byte[16], 600));

        // One that polls again and again needs all of the time that the machine gives it.
        Assert.InRange(ThreadTime() - before, 0, 100_000_000);
        wire.Close();
    }

    [Fact]
    public void A_server_that_comes_back_at_its_address_is_heard_after_what_the_network_said()
    {
        UdpChannel wire = SentInVain(out int port);

        using Socket second = Bound(port);
        wire.Send([2], 1);
        EndPoint device = new IPEndPoint(IPAddress.Any, 0);
        byte[] buffer = new byte[16];
        Assert.Equal(1, second.ReceiveFrom(buffer, ref device));
        second.SendTo([3, 4], device);

        Assert.Equal(2, wire.Receive(buffer, 10_000));
        Assert.Equal(4, buffer[1]);
        wire.Close();
    }

    // A datagram went where nobody is any more.
    private static UdpChannel SentInVain(out int port)
    {
        using Socket server = Bound(0);
        port = ((IPEndPoint)server.LocalEndPoint!).Port;
        UdpChannel wire = UdpChannel.Open(new ServerAddress("127.0.0.1:" + port));
        server.Close();
        wire.Send([1], 1);
        return wire;
    }

    private static Socket Bound(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 10_000 };
        socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
        return socket;
    }

    // Nanoseconds of processor that this thread had.
    private static long ThreadTime()
    {
        Assert.Equal(0, GetTime(ClockThreadCpuTime, out TimeSpec time));
        return time.Seconds * 1_000_000_000 + time.Nanoseconds;
    }

    private struct TimeSpec
    {
        public long Seconds, Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out TimeSpec time);
}
