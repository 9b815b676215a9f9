using System.Net;
using System.Net.Sockets;
using IotPsk.Tls;

namespace IotPsk.Net.Tests.Support;

/// <summary>A blocking TLS-PSK client: the engine's client role on a plain socket.</summary>
internal sealed class TestClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly PskTlsClient _tls;
    private readonly byte[] _in = new byte[64 * 1024];
    private readonly byte[] _out = new byte[128 * 1024];
    private readonly byte[] _plain = new byte[64 * 1024];
    private int _have;

    internal TestClient(IPEndPoint server, string identity = TestResolver.Device, byte[]? psk = null)
        : this(server, TestTls.Client(identity, psk ?? TestResolver.Key))
    {
    }

    internal TestClient(IPEndPoint server, PskTlsClient tls)
    {
        Socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
        {
            NoDelay = true,
            ReceiveTimeout = (int)Patience.TotalMilliseconds,
            SendTimeout = (int)Patience.TotalMilliseconds,
        };
        Socket.Connect(server);
        _tls = tls;
    }

    internal Socket Socket { get; }

    internal PskTlsConnection Tls => _tls;

    /// <summary>A client whose handshake is done.</summary>
    internal static TestClient Connected(IPEndPoint server, string identity = TestResolver.Device)
    {
        var client = new TestClient(server, identity);
        var error = client.Handshake();
        if (error is not null)
        {
            client.Dispose();
            throw new InvalidOperationException($"The handshake failed: {error}.");
        }
        return client;
    }

    /// <summary>The whole handshake; null when connected, else why not. <paramref name="withFinished"/> goes in the same segment.</summary>
    internal TlsError? Handshake(ReadOnlySpan<byte> withFinished = default)
    {
        while (true)
        {
            var status = _tls.Handshake(_in.AsSpan(0, _have), _out, out var consumed, out var written);
            Consume(consumed);
            if (status == PskTlsStatus.Complete && !withFinished.IsEmpty)
            {
                _tls.Write(withFinished, _out.AsSpan(written), out _, out var more);
                written += more;
            }
            SendRaw(_out.AsSpan(0, written));
            if (status == PskTlsStatus.Complete) return null;
            if (status == PskTlsStatus.Closed) return _tls.Error;
            if (status == PskTlsStatus.NeedMoreData && !Fill()) throw new EndOfStreamException("The server closed during the handshake.");
        }
    }

    /// <summary>The first flight's bytes, not sent.</summary>
    internal byte[] FirstFlight()
    {
        _tls.Handshake([], _out, out _, out var written);
        return _out[..written];
    }

    internal void SendRaw(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty) bytes = bytes[Socket.Send(bytes)..];
    }

    internal void Send(ReadOnlySpan<byte> plain)
    {
        while (!plain.IsEmpty)
        {
            _tls.Write(plain, _out, out var consumed, out var written);
            SendRaw(_out.AsSpan(0, written));
            plain = plain[consumed..];
        }
    }

    internal void SendCloseNotify()
    {
        _tls.Shutdown(_out, out var written);
        SendRaw(_out.AsSpan(0, written));
    }

    /// <summary>Some plaintext; empty after close_notify.</summary>
    /// <exception cref="EndOfStreamException">TCP ended without close_notify.</exception>
    internal ReadOnlySpan<byte> Receive()
    {
        while (true)
        {
            var status = _tls.Read(_in.AsSpan(0, _have), _plain, out var consumed, out var written);
            Consume(consumed);
            if (written > 0) return _plain.AsSpan(0, written);
            if (status == PskTlsStatus.Closed)
                return _tls.Error is null ? [] : throw new InvalidOperationException($"Ended by {_tls.Error}.");
            if (status == PskTlsStatus.NeedMoreData && !Fill()) throw new EndOfStreamException("TCP ended without close_notify.");
        }
    }

    internal byte[] Receive(int count)
    {
        var result = new byte[count];
        for (var have = 0; have < count;)
        {
            var part = Receive();
            if (part.IsEmpty) throw new EndOfStreamException($"close_notify after {have} of {count} bytes.");
            part.CopyTo(result.AsSpan(have));
            have += part.Length;
        }
        return result;
    }

    internal string Echo(string text)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(text);
        Send(bytes);
        return System.Text.Encoding.UTF8.GetString(Receive(bytes.Length));
    }

    /// <summary>Hands this client's engine a record that nobody sealed, and sends the alert it answers with.</summary>
    internal void Forge()
    {
        byte[] record = [0x17, 3, 3, 0, 32, .. new byte[32]];
        _tls.Read(record, _plain, out _, out _);
        _tls.Flush(_out, out var written);
        SendRaw(_out.AsSpan(0, written));
    }

    /// <summary>Closes with RST.</summary>
    internal void Reset()
    {
        Socket.LingerState = new LingerOption(true, 0);
        Socket.Dispose();
    }

    public void Dispose()
    {
        _tls.Dispose();
        Socket.Dispose();
    }

    private bool Fill()
    {
        var count = Socket.Receive(_in.AsSpan(_have));
        _have += count;
        return count > 0;
    }

    private void Consume(int count)
    {
        _in.AsSpan(count, _have - count).CopyTo(_in);
        _have -= count;
    }
}
