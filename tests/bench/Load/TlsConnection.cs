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

    internal static TlsConnection Open(int port, PskTlsClientOptions options) => Open(port, [options])[0];

    /// <summary>Opens as many connections as there are options, side by side: each flight goes out on all of them before the answers are waited for.</summary>
    internal static TlsConnection[] Open(int port, IEnumerable<PskTlsClientOptions> options)
    {
        TlsConnection[] all = [.. options.Select(o => new TlsConnection(o))];
        foreach (TlsConnection connection in all)
        {
            connection._socket.Connect(IPAddress.Loopback, port);
            connection.Handshake(0);
        }

        for (TlsConnection[] open = all; open.Length > 0;)
            open = [.. open.Where(connection => !connection.Handshake(connection.Fill()))];
        return all;
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
                if (status == PskTlsStatus.Closed && got >= count)
                    return got;
                if (status == PskTlsStatus.Closed)
                    throw new InvalidOperationException($"the server closed: {_tls.Error}");
                if (consumed == 0)
                    break;
            }
            _rest = Wire.AsSpan(at, have - at).ToArray();
        }
        return got;
    }

    /// <summary>The newest ticket that came; null if none did.</summary>
    internal PskTlsTicket? TakeTicket()
    {
        PskTlsTicket? newest = null;
        while (_tls.TryTakeTicket(out PskTlsTicket? ticket))
        {
            newest?.Dispose();
            newest = ticket;
        }
        return newest;
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

    // One flight in, one out; true at the end of the handshake.
    private bool Handshake(int have)
    {
        PskTlsStatus status = _tls.Handshake(Wire.AsSpan(0, have), Plain, out int consumed, out int written);
        _rest = Wire.AsSpan(consumed, have - consumed).ToArray();
        if (written > 0)
            _socket.Send(Plain.AsSpan(0, written));
        return status == PskTlsStatus.Complete || (status == PskTlsStatus.NeedMoreData ? false : throw new InvalidOperationException($"no handshake: {_tls.Error}"));
    }
}
