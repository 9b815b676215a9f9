using System.Diagnostics;
using System.Text;
using IotPsk.Shared;
using IotPsk.Tls;

namespace IotPsk.Bench;

/// <summary>Many CoAP clients over DTLS against one server: opens associations, exchanges over them, closes them.</summary>
internal sealed class DtlsLoad : IDisposable
{
    private const int Window = 32, Payload = 64, PatienceMilliseconds = 1500, HandshakeMilliseconds = 5000, GiveUpMilliseconds = 30_000;

    private readonly LoopbackUdp _udp;
    private readonly PskDtlsClientOptions[] _options;
    private readonly PskDtlsClient?[] _clients;
    private readonly string _path;
    private readonly byte[] _wire = new byte[2048], _datagram = new byte[2048], _plain = new byte[2048], _request = new byte[256];
    private readonly CoapWriter _writer = new();
    private readonly CoapReader _reader = new();
    private readonly byte[] _payload = Encoding.ASCII.GetBytes(new string('p', Payload));

    /// <summary>The address each client has now: a new one for every association, for servers may still know an old one.</summary>
    private readonly int[] _addresses;
    private readonly Dictionary<int, int> _clientsOfAddresses = [];
    private int _nextAddress;

    /// <summary>Since when each client waits, and for how many answers.</summary>
    private readonly long[] _since;
    private readonly int[] _pending;
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
        _pending = new int[clients];
        _addresses = new int[clients];
        Array.Fill(_addresses, -1);
    }

    private static long Now => Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1000);

    /// <summary>Handshakes that a server let hang, and that were begun anew from another address.</summary>
    internal int Hung { get; private set; }

    /// <summary>Opens the associations of some clients.</summary>
    internal void Open(int first, int count) => Run(first, count, count, Connect, TakeHandshake);

    /// <summary>
    /// So many requests with their answers, over some clients in turn. As many are under way at a time however few the
    /// clients are: what a server does at once is then no reason for a difference.
    /// </summary>
    internal void Exchange(int first, int clients, int count) => Run(first, clients, count, Ask, TakeAnswer);

    /// <summary>Tells the server that the associations of some clients are over.</summary>
    internal void Close(int first, int count)
    {
        for (int i = first; i < first + count; i++)
        {
            _clients[i]!.Shutdown(_wire, out int written);
            Send(i, written);
            _clientsOfAddresses.Remove(_addresses[i]);
            _clients[i]!.Dispose();
            _clients[i] = null;
            // So slowly that the server's socket has room for each.
            if (i % Window == 0)
                Thread.Sleep(2);
        }
    }

    private void Run(int first, int clients, int count, Action<int> start, Func<int, ReadOnlySpan<byte>, bool> take)
    {
        int started = 0, done = 0;
        long progress = Now;
        void Next()
        {
            int client = first + (started++ % clients);
            _waiting.Add(client);
            _pending[client]++;
            _since[client] = Now;
            start(client);
        }
        while (started < Window && started < count)
            Next();
        while (done < count)
        {
            int length = _udp.Receive(_datagram, out int address);
            if (length == 0)
            {
                if (!_udp.Wait(100))
                    Remind(start);
                if (Now - progress > GiveUpMilliseconds)
                    throw new TimeoutException($"no answer within {GiveUpMilliseconds} ms after {done} of {count}");
                continue;
            }
            if (!_clientsOfAddresses.TryGetValue(address, out int client) || _pending[client] == 0 || !take(client, _datagram.AsSpan(0, length)))
                continue;
            _pending[client]--;
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
            if (!dtls.IsConnected && Now - _since[client] > HandshakeMilliseconds)
            {
                Hung++;
                _since[client] = Now;
                start(client);
            }
            else if (!dtls.IsConnected && dtls.Deadline <= Now)
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
        _clientsOfAddresses.Remove(_addresses[client]);
        _clientsOfAddresses[_addresses[client] = _nextAddress++] = client;
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
        Send(client, written);
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
            Send(client, written);
    }

    private void Send(int client, int length)
    {
        while (!_udp.TrySend(_addresses[client], _wire.AsSpan(0, length)))
            Thread.Yield();
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
