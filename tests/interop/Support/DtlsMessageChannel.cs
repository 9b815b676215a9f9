using System.Net;
using System.Net.Sockets;
using System.Text;
using IotPsk.Device;
using IotPsk.Tls;

namespace IotPsk.Interop.Tests.Support;

/// <summary>The engine's DTLS client as a channel of the device library; it can sleep, and then it hears nothing.</summary>
internal sealed class DtlsMessageChannel : IMessageChannel, IDisposable
{
    private readonly UdpClient _socket = new(new IPEndPoint(IPAddress.Loopback, 0));
    private readonly PskDtlsClient _engine;
    private readonly byte[] _plain = new byte[65536], _wire = new byte[65536];
    private readonly Queue<byte[]> _messages = new();

    public DtlsMessageChannel(int port, string identity, string key)
    {
        _socket.Connect(IPAddress.Loopback, port);
        var credential = new PskTlsCredential(Encoding.ASCII.GetBytes(identity), Convert.FromHexString(key), PskBinder.External, TlsHash.Sha256);
        _engine = new PskDtlsClient(new PskDtlsClientOptions { Credential = credential }, [1]);
        _engine.Continue(Now);
        Poll.Until(() => Step(20) && _engine.IsConnected, "the handshake of the device is done");
    }

    /// <summary>While it is set what comes is lost.</summary>
    public volatile bool Sleeps;

    private static long Now => Environment.TickCount64;

    public void Send(byte[] buffer, int offset, int count)
    {
        _engine.Write(buffer.AsSpan(offset, count), _wire, out int length);
        _socket.Client.Send(_wire.AsSpan(0, length));
    }

    public int Receive(byte[] buffer, int timeout)
    {
        long end = Now + timeout;
        do
        {
            if (_messages.TryDequeue(out byte[]? message))
            {
                message.CopyTo(buffer, 0);
                return message.Length;
            }
            if (!Step((int)Math.Max(1, Math.Min(50, end - Now))))
                return 0;
        }
        while (_messages.Count > 0 || Now < end);
        return -1;
    }

    public void Dispose()
    {
        _engine.Dispose();
        _socket.Dispose();
    }

    // False once the association is over.
    private bool Step(int wait)
    {
        if (_engine.Deadline <= Now)
            _engine.Tick(Now);
        Flush();
        byte[] datagram = new byte[65536];
        _socket.Client.ReceiveTimeout = wait;
        try
        {
            Take(datagram.AsSpan(0, _socket.Client.Receive(datagram)));
        }
        catch (SocketException)
        {
            // Nothing came, or the gateway's port was closed for a moment.
        }
        Flush();
        return _engine.Error is null;
    }

    private void Take(ReadOnlySpan<byte> datagram)
    {
        while (!datagram.IsEmpty)
        {
            _engine.Receive(datagram, Now, _plain, out int consumed, out int written);
            if (written > 0 && !Sleeps)
                _messages.Enqueue(_plain[..written]);
            datagram = datagram[consumed..];
        }
    }

    private void Flush()
    {
        while (_engine.Flush(_wire, out int length))
            _socket.Client.Send(_wire.AsSpan(0, length));
    }
}
