using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using IotPsk.Net;
using IotPsk.Tls;

namespace IotPsk.Gateway.Cli;

/// <summary>A DTLS association of the client verb over a UDP socket of its own.</summary>
internal sealed class DatagramClient : IDisposable
{
    private const int LargestDatagram = 65507;
    private readonly Socket _socket;
    private readonly PskDtlsClient _dtls;
    private readonly byte[] _incoming = new byte[LargestDatagram], _outgoing = new byte[LargestDatagram];
    private readonly Queue<byte[]> _received = new();

    private DatagramClient(Socket socket, PskDtlsClient dtls)
    {
        _socket = socket;
        _dtls = dtls;
    }

    private static long Now => Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1000);

    internal PskTlsSession Session => _dtls.Session!;

    internal int MaxPlaintext => _dtls.MaxPlaintext;

    /// <summary>Bytes of the connection ids: in the server's records, and in ours.</summary>
    internal (int Own, int Server) ConnectionIds => (_dtls.LocalConnectionId.Length, _dtls.PeerConnectionId.Length);

    /// <summary>The server has ended the association.</summary>
    internal bool IsOver => !_dtls.IsConnected;

    /// <exception cref="SocketException">There is no such server, or nobody listens there.</exception>
    /// <exception cref="TimeoutException">Nothing came of it in time.</exception>
    /// <exception cref="PskTlsException">The handshake failed.</exception>
    internal static async Task<DatagramClient> ConnectAsync(string host, int port, PskDtlsClient dtls, TimeSpan patience, CancellationToken cancellation)
    {
        DatagramClient? client = null;
        try
        {
            IPAddress[] addresses = IPAddress.TryParse(host, out IPAddress? literal) ? [literal] : await Dns.GetHostAddressesAsync(host, cancellation);
            var socket = new Socket(addresses[0].AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            client = new DatagramClient(socket, dtls);
            await socket.ConnectAsync(addresses[0], port, cancellation);
            dtls.Continue(Now);
            await client.FlushAsync(cancellation);
            for (long end = Now + (long)patience.TotalMilliseconds; !dtls.IsConnected;)
            {
                if (Now >= end)
                    throw new TimeoutException();
                await client.TakeAsync(end, cancellation);
            }
            return client;
        }
        catch
        {
            dtls.Dispose();
            client?.Dispose();
            throw;
        }
    }

    /// <summary>Sends one datagram.</summary>
    internal async Task SendAsync(ReadOnlyMemory<byte> plaintext, CancellationToken cancellation)
    {
        if (_dtls.Write(plaintext.Span, _outgoing, out int written) == PskTlsStatus.Complete)
            await _socket.SendAsync(_outgoing.AsMemory(0, written), cancellation);
    }

    /// <summary>Waits for one datagram; null if none came in time or the server ended the association.</summary>
    internal async Task<byte[]?> ReceiveAsync(TimeSpan patience, CancellationToken cancellation)
    {
        byte[]? datagram;
        for (long end = Now + (long)patience.TotalMilliseconds; !_received.TryDequeue(out datagram) && !IsOver && Now < end;)
            await TakeAsync(end, cancellation);
        return datagram;
    }

    /// <summary>Tells the server that the association is over.</summary>
    internal async Task CloseAsync(CancellationToken cancellation)
    {
        _dtls.Shutdown(_outgoing, out int written);
        if (written > 0)
            await _socket.SendAsync(_outgoing.AsMemory(0, written), cancellation);
    }

    public void Dispose()
    {
        _dtls.Dispose();
        _socket.Dispose();
    }

    // One datagram, or the engine's deadline, or the end of patience.
    private async Task TakeAsync(long end, CancellationToken cancellation)
    {
        long wait = Math.Clamp(Math.Min(end, _dtls.Deadline) - Now, 1, int.MaxValue);
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timer.CancelAfter(TimeSpan.FromMilliseconds(wait));
        try
        {
            int length = await _socket.ReceiveAsync(_incoming, timer.Token);
            Take(_incoming.AsSpan(0, length));
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            _dtls.Tick(Now);
        }
        await FlushAsync(cancellation);
        if (_dtls.Error is { } error)
            throw new PskTlsException(error);
    }

    private void Take(ReadOnlySpan<byte> datagram)
    {
        byte[] plaintext = new byte[datagram.Length];
        while (!datagram.IsEmpty && _dtls.Receive(datagram, Now, plaintext, out int consumed, out int written) == PskTlsStatus.Complete)
        {
            if (written > 0)
                _received.Enqueue(plaintext[..written]);
            datagram = datagram[consumed..];
        }
    }

    private async Task FlushAsync(CancellationToken cancellation)
    {
        while (_dtls.Flush(_outgoing, out int written))
            await _socket.SendAsync(_outgoing.AsMemory(0, written), cancellation);
    }
}
