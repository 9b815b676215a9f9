using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using IotPsk.Net.Tests.Support;
using IotPsk.Tls;

namespace IotPsk.Net.Tests.Datagrams;

/// <summary>A blocking DTLS-PSK client: the engine's client role on a UDP socket, on real time.</summary>
internal sealed class DatagramClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly byte[] _in = new byte[4096];
    private readonly byte[] _out = new byte[4096];
    private readonly byte[] _plain = new byte[4096];
    private readonly IPEndPoint _server;

    internal DatagramClient(IPEndPoint server, string identity = TestResolver.Device, byte[]? psk = null, bool connectionId = true, IPAddress? from = null, int retransmissionTimer = 1000)
    {
        _server = server;
        Socket = NewSocket(from);
        Dtls = new PskDtlsClient(Options(identity, psk ?? TestResolver.Key, connectionId, retransmissionTimer), default);
    }

    internal Socket Socket { get; private set; }

    internal PskDtlsClient Dtls { get; }

    internal IPEndPoint Local => (IPEndPoint)Socket.LocalEndPoint!;

    private static long Now => Environment.TickCount64;

    /// <summary>A client whose handshake is done.</summary>
    internal static DatagramClient Connected(IPEndPoint server, string identity = TestResolver.Device, bool connectionId = true)
    {
        var client = new DatagramClient(server, identity, connectionId: connectionId);
        var error = client.Handshake();
        if (error is null) return client;
        client.Dispose();
        throw new InvalidOperationException($"The handshake failed: {error}.");
    }

    /// <summary>The whole handshake; null when connected, else why not.</summary>
    internal TlsError? Handshake()
    {
        Start();
        var since = Stopwatch.GetTimestamp();
        while (!Dtls.IsConnected)
        {
            if (Dtls.Error is { } error) return error;
            if (Stopwatch.GetElapsedTime(since) > Patience) throw new TimeoutException("The handshake did not end.");
            Take(TimeSpan.FromMilliseconds(50));
        }
        return null;
    }

    /// <summary>A handshake that does not get further than to <paramref name="reached"/>: from there on it meets silence.</summary>
    internal void HandshakeInVain(Func<bool> reached, string what)
    {
        Start();
        Support.Bench.Until(() =>
        {
            Take(TimeSpan.FromMilliseconds(20));
            return reached();
        }, what);
        for (var i = 0; i < 5; i++) Take(TimeSpan.FromMilliseconds(20));
        Assert.False(Dtls.IsConnected);
        Assert.Null(Dtls.Error);
    }

    /// <summary>Sends the first hello, once.</summary>
    internal void Start()
    {
        if (_started) return;
        _started = true;
        Dtls.Continue(Now);
        Flush();
    }

    private bool _started;

    /// <summary>Takes one datagram if one comes in time, and answers it; its plaintext.</summary>
    internal byte[]? Take(TimeSpan patience)
    {
        if (!Socket.Poll(patience, SelectMode.SelectRead))
        {
            if (Now >= Dtls.Deadline) Dtls.Tick(Now);
            Flush();
            return null;
        }
        return Process(_in.AsSpan(0, Socket.Receive(_in)));
    }

    /// <summary>The next plaintext.</summary>
    internal byte[] Receive()
    {
        var since = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(since) < Patience)
            if (Take(TimeSpan.FromMilliseconds(50)) is { Length: > 0 } plain) return plain;
        throw new TimeoutException("Nothing was received.");
    }

    /// <summary>Whether the server ends the association.</summary>
    internal bool IsClosed()
    {
        var since = Stopwatch.GetTimestamp();
        while (!_closed && Stopwatch.GetElapsedTime(since) < Patience) Take(TimeSpan.FromMilliseconds(50));
        return _closed;
    }

    private bool _closed;

    /// <summary>One record as a datagram, not sent.</summary>
    internal byte[] Seal(ReadOnlySpan<byte> plain)
    {
        Dtls.Write(plain, _out, out var written);
        return _out[..written];
    }

    internal void Send(ReadOnlySpan<byte> plain) => SendRaw(Seal(plain));

    internal void SendRaw(ReadOnlySpan<byte> datagram) => Socket.SendTo(datagram, _server);

    internal string Echo(string text)
    {
        Send(Encoding.UTF8.GetBytes(text));
        return Encoding.UTF8.GetString(Receive());
    }

    /// <summary>The same where datagrams get lost: it is said again until an answer comes.</summary>
    internal string EchoAnyway(string text)
    {
        var since = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(since) < Patience)
        {
            Send(Encoding.UTF8.GetBytes(text));
            if (Take(TimeSpan.FromMilliseconds(50)) is { Length: > 0 } plain) return Encoding.UTF8.GetString(plain);
        }
        throw new TimeoutException("Nothing was received.");
    }

    /// <summary>As a new binding of a NAT: another port, the same association.</summary>
    internal void Rebind(IPAddress? address = null)
    {
        Socket.Dispose();
        Socket = NewSocket(address);
    }

    /// <summary>The association goes on at another socket, the one of another client.</summary>
    internal void Swap(DatagramClient other) => (Socket, other.Socket) = (other.Socket, Socket);

    /// <summary>The next datagram as it came.</summary>
    internal byte[] ReceiveRaw()
    {
        Socket.ReceiveTimeout = (int)Patience.TotalMilliseconds;
        return _in[..Socket.Receive(_in)];
    }

    /// <summary>Throws away what waits.</summary>
    internal void Drain()
    {
        while (Socket.Poll(TimeSpan.Zero, SelectMode.SelectRead)) Socket.Receive(_in);
    }

    /// <summary>What the engine wants to send now, one datagram.</summary>
    internal byte[] NextFlight()
    {
        Dtls.Flush(_out, out var written);
        return _out[..written];
    }

    internal byte[]? Process(ReadOnlySpan<byte> datagram)
    {
        var plain = Feed(datagram);
        Flush();
        return plain;
    }

    /// <summary>Takes a datagram and answers nothing yet.</summary>
    internal byte[]? Feed(ReadOnlySpan<byte> datagram)
    {
        byte[]? plain = null;
        while (!datagram.IsEmpty)
        {
            var status = Dtls.Receive(datagram, Now, _plain, out var consumed, out var written);
            datagram = datagram[consumed..];
            if (written > 0) plain = _plain[..written];
            if (status == PskTlsStatus.Closed) _closed = true;
            if (consumed == 0 || _closed) break;
        }
        return plain;
    }

    public void Dispose()
    {
        Dtls.Dispose();
        Socket.Dispose();
    }

    internal void Flush()
    {
        while (Dtls.Flush(_out, out var written)) SendRaw(_out.AsSpan(0, written));
    }

    private static Socket NewSocket(IPAddress? address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(address ?? IPAddress.Loopback, 0));
        return socket;
    }

    private static PskDtlsClientOptions Options(string identity, byte[] psk, bool connectionId, int retransmissionTimer) => new()
    {
        Credential = TestTls.Credential(identity, psk),
        OfferConnectionId = connectionId,
        RetransmissionTimer = retransmissionTimer,
        MaxRetransmissions = 20,
    };
}
