using System.Diagnostics;
using System.Text;
using IotPsk.Shared;
using IotPsk.Tls;

namespace IotPsk.Bench;

/// <summary>Many CoAP clients over DTLS against one server: opens associations, exchanges over them, closes them.</summary>
internal sealed class DtlsLoad : IDisposable
{
    private const int Window = 32, Payload = 64, PatienceMilliseconds = 1500, GiveUpMilliseconds = 30_000;

    private readonly LoopbackUdp _udp;
    private readonly PskDtlsClientOptions[] _options;
    private readonly PskDtlsClient?[] _clients;
    private readonly string _path;
    private readonly byte[] _wire = new byte[2048], _datagram = new byte[2048], _plain = new byte[2048], _request = new byte[256];
    private readonly CoapWriter _writer = new();
    private readonly CoapReader _reader = new();
    private readonly byte[] _payload = Encoding.ASCII.GetBytes(new string('p', Payload));

    /// <summary>What each client waits for since when; 0 for nothing.</summary>
    private readonly long[] _since;
    private readonly List<int> _waiting = [];
    private int _messageId;

    internal DtlsLoad(int port, string path, CipherSuite suite, IReadOnlyList<Identity> identities, int clients)
    {
        _udp = new LoopbackUdp(port);
        _path = path;
        _options = [.. identities.Select(i => new PskDtlsClientOptions
        {
            Credential = new PskTlsCredential(Encoding.ASCII.GetBytes(i.Name), i.Key, PskBinder.External, TlsHash.Sha256),
            CipherSuites = [suite],
            KeepsTicket = false,
            AllowWithoutExtendedMasterSecret = true,
            MaxRetransmissions = 8,
        })];
        _clients = new PskDtlsClient?[clients];
        _since = new long[clients];
    }

    private static long Now => Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1000);

    /// <summary>The largest window that so many clients fill.</summary>
    internal static int WindowOf(int clients) => Math.Min(Window, clients);

    /// <summary>Opens the associations of some clients.</summary>
    internal void Open(int first, int count) => Run(first, count, count, Connect, TakeHandshake);

    /// <summary>So many requests with their answers, over the first clients in turn.</summary>
    internal void Exchange(int clients, int count) => Run(0, clients, count, Ask, TakeAnswer);

    /// <summary>Tells the server that the associations of some clients are over.</summary>
    internal void Close(int first, int count)
    {
        for (int i = first; i < first + count; i++)
        {
            _clients[i]!.Shutdown(_wire, out int written);
            while (!_udp.TrySend(i, _wire.AsSpan(0, written)))
                Thread.Yield();
            _clients[i]!.Dispose();
            _clients[i] = null;
            if (i % Window == 0)
                Thread.Sleep(1);
        }
    }

    private void Run(int first, int clients, int count, Action<int> start, Func<int, ReadOnlySpan<byte>, bool> take)
    {
        int started = 0, done = 0, window = WindowOf(clients);
        long progress = Now;
        void Next()
        {
            int client = first + (started++ % clients);
            _waiting.Add(client);
            _since[client] = Now;
            start(client);
        }
        while (started < window && started < count)
            Next();
        while (done < count)
        {
            int length = _udp.Receive(_datagram, out int client);
            if (length == 0)
            {
                if (!_udp.Wait(100))
                    Remind(start);
                if (Now - progress > GiveUpMilliseconds)
                    throw new TimeoutException($"no answer within {GiveUpMilliseconds} ms after {done} of {count}");
                continue;
            }
            if (client < 0 || client >= _clients.Length || _since[client] == 0 || !take(client, _datagram.AsSpan(0, length)))
                continue;
            _since[client] = 0;
            _waiting.Remove(client);
            progress = Now;
            done++;
            if (started < count)
                Next();
        }
    }

    // What got lost goes once more: a flight by the engine's timer, a request by ours.
    private void Remind(Action<int> start)
    {
        foreach (int client in _waiting)
        {
            PskDtlsClient dtls = _clients[client]!;
            if (!dtls.IsConnected && dtls.Deadline <= Now)
            {
                if (dtls.Tick(Now) == PskTlsStatus.Closed)
                    throw new InvalidOperationException($"the handshake of client {client} failed: {dtls.Error?.Reason}");
                Flush(client);
            }
            else if (dtls.IsConnected && Now - _since[client] > PatienceMilliseconds)
            {
                _since[client] = Now;
                start(client);
            }
        }
    }

    private void Connect(int client)
    {
        _clients[client]?.Dispose();
        _clients[client] = new PskDtlsClient(_options[client % _options.Length], []);
        _clients[client]!.Continue(Now);
        Flush(client);
    }

    private bool TakeHandshake(int client, ReadOnlySpan<byte> datagram)
    {
        PskDtlsClient dtls = _clients[client]!;
        while (!datagram.IsEmpty && !dtls.IsConnected)
        {
            if (dtls.Receive(datagram, Now, _plain, out int consumed, out _) == PskTlsStatus.Closed)
                throw new InvalidOperationException($"the handshake of client {client} failed: {dtls.Error?.Reason}");
            datagram = datagram[consumed..];
        }
        Flush(client);
        return dtls.IsConnected;
    }

    private void Ask(int client)
    {
        _messageId = (_messageId + 1) & 0xffff;
        _wire[0] = (byte)client;
        _wire[1] = (byte)(client >> 8);
        _writer.Begin(_request, 0, _request.Length, CoapType.Confirmable, CoapCode.Put, _messageId, _wire, 0, 2);
        CoapPath.Add(_writer, _path);
        _writer.WritePayload(_payload, 0, Payload);
        if (_clients[client]!.Write(_request.AsSpan(0, _writer.Length), _wire, out int written) != PskTlsStatus.Complete)
            throw new InvalidOperationException($"the association of client {client} is over");
        while (!_udp.TrySend(client, _wire.AsSpan(0, written)))
            Thread.Yield();
    }

    private bool TakeAnswer(int client, ReadOnlySpan<byte> datagram)
    {
        if (_clients[client]!.Receive(datagram, Now, _plain, out _, out int length) == PskTlsStatus.Closed)
            throw new InvalidOperationException($"the server closed the association of client {client}");
        if (length == 0)
            return false;
        bool echoed = _reader.Read(_plain, 0, length) == CoapFormatError.None && CoapCodes.GetClass(_reader.Code) == 2
            && _plain.AsSpan(_reader.PayloadOffset, _reader.PayloadCount).SequenceEqual(_payload);
        return echoed ? true : throw new InvalidOperationException($"client {client} was answered {CoapCodes.Format(_reader.Code)} with {_reader.PayloadCount} bytes");
    }

    private void Flush(int client)
    {
        while (_clients[client]!.Flush(_wire, out int written))
        {
            while (!_udp.TrySend(client, _wire.AsSpan(0, written)))
                Thread.Yield();
        }
    }

    public void Dispose()
    {
        foreach (PskDtlsClient? client in _clients)
            client?.Dispose();
        foreach (PskDtlsClientOptions options in _options)
            options.Credential.Dispose();
        _udp.Dispose();
    }
}
