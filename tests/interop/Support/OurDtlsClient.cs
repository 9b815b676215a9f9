using System.Net;
using System.Net.Sockets;
using System.Text;
using IotPsk.Tls;

namespace IotPsk.Interop.Tests.Support;

/// <summary>The engine's DTLS client on a socket, for foreign servers.</summary>
internal sealed class OurDtlsClient : IDisposable
{
    private int _port;
    private UdpClient _socket;
    private readonly byte[] _plain = new byte[65536], _wire = new byte[65536];

    public OurDtlsClient(int port, PskDtlsClientOptions options, byte[]? connectionId = null)
    {
        _port = port;
        _socket = Open();
        Engine = new PskDtlsClient(options, connectionId ?? []);
    }

    public PskDtlsClient Engine { get; }

    /// <summary>Everything the server said.</summary>
    public StringBuilder Heard { get; } = new();

    private static long Now => Environment.TickCount64;

    public void Connect()
    {
        Engine.Continue(Now);
        Until(() => Engine.IsConnected, "the handshake is done");
    }

    public void Send(string text) => Send(Encoding.Latin1.GetBytes(text));

    public void Send(ReadOnlySpan<byte> message)
    {
        Engine.Write(message, _wire, out int length);
        _socket.Client.Send(_wire.AsSpan(0, length));
    }

    /// <summary>From now on it sends from another port, and to another one if the server has moved.</summary>
    public void Rebind(int? server = null)
    {
        _port = server ?? _port;
        UdpClient old = _socket;
        _socket = Open();
        old.Dispose();
    }

    /// <summary>Answers pings of CoAP by a reset (RFC 7252 s4.3) until something holds.</summary>
    public void AnswerPings(Func<bool> done)
    {
        int answered = 0;
        Until(() =>
        {
            string heard = Heard.ToString();
            for (int at = heard.IndexOf("\u0040\0", answered, StringComparison.Ordinal); at >= 0 && at + 4 <= heard.Length; at = heard.IndexOf("\u0040\0", answered, StringComparison.Ordinal))
            {
                Send([0x70, 0, (byte)heard[at + 2], (byte)heard[at + 3]]);
                answered = at + 4;
            }
            return done();
        }, "the address is proved");
    }

    /// <summary>Gets every message as it comes.</summary>
    public Action<byte[]>? OnMessage { get; set; }

    /// <summary>Goes on until something holds.</summary>
    public void Run(Func<bool> done, string what, TimeSpan? patience = null) => Until(done, what, patience);

    public void Hear(string text) => Until(() => Heard.ToString().Contains(text, StringComparison.Ordinal), "the server says " + text);

    public void Dispose()
    {
        if (Engine.IsConnected)
        {
            Engine.Shutdown(_wire, out int length);
            _socket.Client.Send(_wire.AsSpan(0, length));
        }
        Engine.Dispose();
        _socket.Dispose();
    }

    private UdpClient Open()
    {
        var socket = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Connect(IPAddress.Loopback, _port);
        socket.Client.ReceiveTimeout = 20;
        return socket;
    }

    private void Until(Func<bool> done, string what, TimeSpan? patience = null)
    {
        byte[] datagram = new byte[65536];
        Poll.Until(() =>
        {
            if (Engine.Deadline <= Now)
                Engine.Tick(Now);
            Flush();
            if (done())
                return true;
            Assert.True(Engine.Error is null, Engine.Error?.ToString());
            try
            {
                Take(datagram.AsSpan(0, _socket.Client.Receive(datagram)));
            }
            catch (SocketException)
            {
                // Nothing came yet, or the server's port was closed for a moment.
            }
            // The last flight goes before anything else.
            Flush();
            return done();
        }, what, patience: patience);
    }

    private void Flush()
    {
        while (Engine.Flush(_wire, out int length))
            _socket.Client.Send(_wire.AsSpan(0, length));
    }

    private void Take(ReadOnlySpan<byte> datagram)
    {
        while (!datagram.IsEmpty)
        {
            Engine.Receive(datagram, Now, _plain, out int consumed, out int written);
            Heard.Append(Encoding.Latin1.GetString(_plain, 0, written));
            if (written > 0)
                OnMessage?.Invoke(_plain[..written]);
            datagram = datagram[consumed..];
        }
    }
}
