using System.Net;
using System.Net.Sockets;
using System.Text;
using IotPsk.Tls;

namespace IotPsk.Interop.Tests.Support;

/// <summary>The engine's DTLS client on a socket, for foreign servers.</summary>
internal sealed class OurDtlsClient : IDisposable
{
    private readonly UdpClient _socket = new(AddressFamily.InterNetwork);
    private readonly byte[] _plain = new byte[65536], _wire = new byte[65536];

    public OurDtlsClient(int port, PskDtlsClientOptions options, byte[]? connectionId = null)
    {
        _socket.Client.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _socket.Connect(IPAddress.Loopback, port);
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

    public void Send(string text)
    {
        Engine.Write(Encoding.Latin1.GetBytes(text), _wire, out int length);
        _socket.Client.Send(_wire.AsSpan(0, length));
    }

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

    private void Until(Func<bool> done, string what)
    {
        byte[] datagram = new byte[65536];
        _socket.Client.ReceiveTimeout = 20;
        Poll.Until(() =>
        {
            if (Engine.Deadline <= Now)
                Engine.Tick(Now);
            Flush();
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
        }, what);
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
            datagram = datagram[consumed..];
        }
    }
}
