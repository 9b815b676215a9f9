using System.Net;
using System.Net.Sockets;
using IotPsk.Device.Tests.Support;

namespace IotPsk.Device.Tests;

/// <summary>TCP over the loopback interface. The time-outs that must not strike are hours long.</summary>
public sealed class SocketChannelTests : IDisposable
{
    private const int Hour = 3600000;
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ConnectionAttempt _attempt = new();

    public SocketChannelTests()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(0);
    }

    private ServerAddress Address => new($"127.0.0.1:{((IPEndPoint)_listener.LocalEndPoint!).Port}");

    public void Dispose() => _listener.Dispose();

    private SocketChannel Connect(int timeout = Hour) => SocketChannel.Connect(Address, timeout, Hour, _attempt);

    // The code that the work in another thread fails with, once begun and disturbed by this one.
    private static PskError CodeOf(Action work, Action disturb)
    {
        PskError code = PskError.None;
        var thread = new Thread(() => code = Assert.Throws<PskException>(work).Code);
        thread.Start();
        // So that the thread most likely waits by then; the outcome is the same if it does not.
        Thread.Sleep(100);
        disturb();
        Assert.True(thread.Join(TimeSpan.FromSeconds(30)), "the other thread comes back");
        return code;
    }

    // On Linux a full queue of connections drops further ones, as a firewall does.
    private List<Socket> FillQueue()
    {
        var waiting = new List<Socket>();
        for (int i = 0; i < 8; i++)
        {
            waiting.Add(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false });
            try
            {
                waiting[^1].Connect(_listener.LocalEndPoint!);
            }
            catch (SocketException begun) when (begun.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
            {
            }
        }
        return waiting;
    }

    [Fact]
    public void Bytes_go_both_ways_and_the_peers_end_is_told()
    {
        SocketChannel channel = Connect();
        using Socket peer = _listener.Accept();
        channel.Send([9, 1, 2, 3, 9], 1, 3);
        var buffer = new byte[8];
        Assert.Equal(3, peer.Receive(buffer));
        Assert.Equal([1, 2, 3], buffer[..3]);
        Assert.Equal(-1, channel.Receive(buffer, 0, 8, 0));
        Assert.Equal(-1, channel.Receive(buffer, 0, 8, 1));
        peer.Send([7, 8]);
        Assert.Equal(2, channel.Receive(buffer, 3, 5, Hour));
        Assert.Equal([7, 8], buffer[3..5]);
        peer.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, channel.Receive(buffer, 0, 8, Hour));
        channel.Close();
        channel.Close();
        Assert.Equal(PskError.Closed, Assert.Throws<PskException>(() => channel.Receive(buffer, 0, 8, 0)).Code);
        Assert.Equal(PskError.Closed, Assert.Throws<PskException>(() => channel.Send(buffer, 0, 8)).Code);
    }

    [Fact]
    public void A_reset_is_a_lost_connection()
    {
        SocketChannel channel = Connect();
        Socket peer = _listener.Accept();
        peer.LingerState = new LingerOption(true, 0);
        peer.Dispose();
        Assert.Equal(PskError.ConnectionLost, Assert.Throws<PskException>(() => channel.Receive(new byte[1], 0, 1, Hour)).Code);
    }

    [Fact]
    public void Closing_wakes_the_thread_that_receives()
    {
        SocketChannel channel = Connect();
        using Socket peer = _listener.Accept();
        Assert.Equal(PskError.Closed, CodeOf(() =>
        {
            if (channel.Receive(new byte[1], 0, 1, Hour) == 0)
                channel.Receive(new byte[1], 0, 1, Hour);
        }, channel.Close));
    }

    [Fact]
    public void An_address_where_nobody_listens_is_unreachable()
    {
        ServerAddress address = Address;
        _listener.Dispose();
        PskException refused = Assert.Throws<PskException>(() => SocketChannel.Connect(address, Hour, Hour, _attempt));
        Assert.Equal(PskError.Unreachable, refused.Code);
        Assert.Contains(address.ToString(), refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_cannot_be_resolved_is_told() =>
        Assert.Equal(PskError.NameResolution, Assert.Throws<PskException>(() => SocketChannel.Connect(new ServerAddress(new string('x', 300) + ":1"), Hour, Hour, _attempt)).Code);

    [Fact]
    public void A_server_that_does_not_answer_is_given_up()
    {
        List<Socket> waiting = FillQueue();
        Assert.Equal(PskError.TimedOut, Assert.Throws<PskException>(() => Connect(timeout: 200)).Code);
        waiting.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public void An_attempt_can_be_given_up_by_another_thread_and_so_are_later_ones()
    {
        List<Socket> waiting = FillQueue();
        Assert.Equal(PskError.Closed, CodeOf(() => Connect(), _attempt.Cancel));
        Assert.Equal(PskError.Closed, Assert.Throws<PskException>(() => Connect()).Code);
        waiting.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public void A_handshake_with_a_server_that_says_nothing_can_be_given_up()
    {
        string directory = Directory.CreateTempSubdirectory("iotpsk-device-").FullName;
        using (var vault = new Vault(directory))
        {
            byte[] bundle = Credentials.Bundle("sensor-1", new byte[32], Address.ToString()).Encode();
            vault.Import(0, bundle, bundle.Length);
            var connector = new VaultConnector(vault, 0);
            Socket? peer = null;
            Assert.Equal(PskError.Closed, CodeOf(() => connector.Connect(out _), () =>
            {
                peer = _listener.Accept();
                Assert.True(peer.Receive(new byte[100]) > 0);
                connector.Cancel();
            }));
            peer!.Dispose();
        }
        Directory.Delete(directory, recursive: true);
    }
}
