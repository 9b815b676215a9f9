using System.Diagnostics;
using System.Text;
using IotPsk.Tls;

namespace IotPsk.Bench;

/// <summary>
/// Devices that come when they want and not when the server has time: so many begin each second, each connects over DTLS and closes; one that is
/// refused or not answered comes again after the others. One thread runs it.
/// </summary>
internal sealed class DtlsCrowd : IDisposable
{
    private const int PatienceMilliseconds = 9000, LookMilliseconds = 100;
    private readonly LoopbackUdp _udp;
    private readonly PskDtlsClientOptions[] _options;
    private readonly Queue<int> _away;
    private readonly Dictionary<int, Attempt> _here = [];
    private readonly byte[] _wire = new byte[2048], _datagram = new byte[2048], _plain = new byte[2048];
    private readonly bool _again;
    private int _nextAddress;
    private long _served, _refused, _unanswered;

    /// <param name="port">The server's.</param>
    /// <param name="identities">The devices.</param>
    /// <param name="again">Whether those that were served come again.</param>
    internal DtlsCrowd(int port, IEnumerable<Identity> identities, bool again)
    {
        _udp = new LoopbackUdp(port);
        _again = again;
        _options = [.. identities.Select(i => new PskDtlsClientOptions
        {
            Credential = new PskTlsCredential(Encoding.ASCII.GetBytes(i.Name), i.Key, PskBinder.External, TlsHash.Sha256),
            CipherSuites = [CipherSuite.TLS_PSK_WITH_AES_128_CCM_8],
            KeepsTicket = false,
        })];
        _away = new Queue<int>(Enumerable.Range(0, _options.Length));
    }

    /// <summary>Handshakes done.</summary>
    internal long Served => Volatile.Read(ref _served);

    /// <summary>Handshakes the server ended by an alert.</summary>
    internal long Refused => Volatile.Read(ref _refused);

    /// <summary>Handshakes given up.</summary>
    internal long Unanswered => Volatile.Read(ref _unanswered);

    /// <summary>Milliseconds from the first hello to the end of each handshake that was done.</summary>
    internal List<double> Latencies { get; } = [];

    private static long Now => Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1000);

    /// <summary>Begins this many a second for a while; 0: as many as are answered, until all devices were served.</summary>
    internal void Run(TimeSpan time, int perSecond)
    {
        long begin = Now, end = begin + (long)time.TotalMilliseconds, look = begin;
        long begun = 0;
        while (Now < end && (_again || Served < _options.Length))
        {
            long due = perSecond == 0 ? begun + Math.Max(0, 64 - _here.Count) : (Now - begin) * perSecond / 1000;
            for (; begun < due && _away.TryDequeue(out int device); begun++)
                Begin(device);
            for (int length; (length = _udp.Receive(_datagram, out int address)) > 0;)
                Take(address, _datagram.AsSpan(0, length));
            if (Now >= look)
            {
                LookAround();
                look = Now + LookMilliseconds;
            }
            _udp.Wait(1);
        }
        foreach (int address in _here.Keys.ToArray())
            Leave(address);
    }

    private void Begin(int device)
    {
        int address = _nextAddress++;
        var attempt = new Attempt(device, new PskDtlsClient(_options[device], []), Stopwatch.GetTimestamp());
        _here.Add(address, attempt);
        attempt.Client.Continue(Now);
        Flush(address, attempt.Client);
    }

    private void Take(int address, ReadOnlySpan<byte> datagram)
    {
        if (!_here.TryGetValue(address, out Attempt? attempt))
            return;
        PskDtlsClient client = attempt.Client;
        bool closed = false;
        while (!datagram.IsEmpty && !client.IsConnected && !closed)
        {
            closed = client.Receive(datagram, Now, _plain, out int consumed, out _) == PskTlsStatus.Closed;
            datagram = datagram[consumed..];
        }
        Flush(address, client);
        if (client.IsConnected)
        {
            Latencies.Add(Stopwatch.GetElapsedTime(attempt.Since).TotalMilliseconds);
            Interlocked.Increment(ref _served);
            client.Shutdown(_wire, out int written);
            Send(address, written);
        }
        else if (closed)
        {
            Interlocked.Increment(ref _refused);
        }
        else
        {
            return;
        }
        if (_again || closed)
            _away.Enqueue(attempt.Device);
        Leave(address);
    }

    private void LookAround()
    {
        foreach ((int address, Attempt attempt) in _here.ToArray())
        {
            bool closed = attempt.Client.Deadline <= Now && attempt.Client.Tick(Now) == PskTlsStatus.Closed;
            if (!closed && Stopwatch.GetElapsedTime(attempt.Since).TotalMilliseconds < PatienceMilliseconds)
            {
                Flush(address, attempt.Client);
                continue;
            }
            Interlocked.Increment(ref _unanswered);
            _away.Enqueue(attempt.Device);
            Leave(address);
        }
    }

    private void Leave(int address)
    {
        if (_here.Remove(address, out Attempt? attempt))
            attempt.Client.Dispose();
    }

    private void Flush(int address, PskDtlsClient client)
    {
        while (client.Flush(_wire, out int written))
            Send(address, written);
    }

    private void Send(int address, int length)
    {
        while (!_udp.TrySend(address, _wire.AsSpan(0, length)))
            Thread.Yield();
    }

    public void Dispose()
    {
        foreach (PskDtlsClientOptions options in _options)
            options.Credential.Dispose();
        _udp.Dispose();
    }

    private sealed record Attempt(int Device, PskDtlsClient Client, long Since);
}
