using System.Net;
using System.Net.Sockets;
using IotPsk.Tls;

namespace IotPsk.Bench;

/// <summary>A blocking client of the load generator: the engine's client on a plain socket.</summary>
internal sealed class TlsConnection : IDisposable
{
    [ThreadStatic] private static byte[]? s_wire, s_plain;

    // Of the thread that uses the connection now.
    private static byte[] Wire => s_wire ??= new byte[512 * 1024];
    private static byte[] Plain => s_plain ??= new byte[512 * 1024];
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly PskTlsClient _tls;
    private byte[] _rest = [];

    private TlsConnection(PskTlsClientOptions options) => _tls = new PskTlsClient(options);

    internal static TlsConnection Open(int port, PskTlsClientOptions options)
    {
        var connection = new TlsConnection(options);
        connection._socket.Connect(IPAddress.Loopback, port);
        connection.Handshake();
        return connection;
    }

    internal void Send(ReadOnlySpan<byte> data)
    {
        _tls.Write(data, Wire, out _, out int written);
        _socket.Send(Wire.AsSpan(0, written));
    }

    /// <summary>Receives at least <paramref name="count"/> bytes of plaintext and says how many.</summary>
    internal long Receive(long count)
    {
        long got = 0;
        while (got < count)
        {
            int have = Fill();
            int at = 0;
            while (true)
            {
                PskTlsStatus status = _tls.Read(Wire.AsSpan(at, have - at), Plain, out int consumed, out int written);
                (at, got) = (at + consumed, got + written);
                if (status == PskTlsStatus.Closed)
                    throw new InvalidOperationException($"the server closed: {_tls.Error}");
                if (consumed == 0)
                    break;
            }
            _rest = Wire.AsSpan(at, have - at).ToArray();
        }
        return got;
    }

    public void Dispose()
    {
        if (_tls.IsConnected)
        {
            _tls.Shutdown(Wire, out int written);
            try
            {
                _socket.Send(Wire.AsSpan(0, written));
            }
            catch (SocketException)
            {
                // The server was faster.
            }
        }
        _tls.Dispose();
        _socket.Dispose();
    }

    private int Fill()
    {
        _rest.CopyTo(Wire.AsSpan());
        int read = _socket.Receive(Wire.AsSpan(_rest.Length));
        return read > 0 ? _rest.Length + read : throw new InvalidOperationException("the server ended TCP");
    }

    private void Handshake()
    {
        int have = 0;
        Span<byte> output = Plain;
        while (true)
        {
            PskTlsStatus status = _tls.Handshake(Wire.AsSpan(0, have), output, out int consumed, out int written);
            _rest = Wire.AsSpan(consumed, have - consumed).ToArray();
            if (written > 0)
                _socket.Send(output[..written]);
            if (status == PskTlsStatus.Complete)
                return;
            if (status != PskTlsStatus.NeedMoreData)
                throw new InvalidOperationException($"no handshake: {_tls.Error}");
            have = Fill();
        }
    }
}
