using System.Net;
using IotPsk.Net.Datagrams;
using IotPsk.Net.Reactor;
using IotPsk.Tls;

namespace IotPsk.Net;

/// <summary>
/// One association with a device. What <see cref="SessionInfo"/> tells is readable from any thread; everything else here
/// belongs to the shard's thread, on which <see cref="IDatagramApplication"/> is called, but for <see cref="TryPost"/>.
/// </summary>
public sealed partial class DatagramSession : SessionInfo
{
    internal DatagramSession? NextOfKey;
    internal DatagramSession? NextOfAddress;
    internal DatagramSession? Older;
    internal DatagramSession? Younger;

    /// <summary>When the device was last heard, by the loop's clock.</summary>
    internal long LastHeard;

    /// <summary>A part of the client's random: a hello with the same is a repetition.</summary>
    internal ulong Hello;

    private readonly DatagramEndpoint _endpoint;
    private volatile PskDtlsConnection? _dtls;
    private PeerAddress _address;
    private uint _addressVersion;
    private SettleTimer? _settle;

    internal DatagramSession(DatagramEndpoint endpoint, uint key, in PeerAddress address, DateTimeOffset acceptedAt)
        : base(endpoint.Name, null, acceptedAt)
    {
        _endpoint = endpoint;
        _address = address;
        Key = key;
    }

    /// <summary>The application's own.</summary>
    public object? State { get; set; }

    /// <summary>The shard the association belongs to: the number its <see cref="IDatagramApplication"/> was made with.</summary>
    public int Shard => _endpoint.ShardIndex;

    /// <summary>The association can be used; false once it was closed.</summary>
    public bool IsOpen => _dtls is not null;

    /// <summary>The most one datagram carries, in bytes; 0 once closed.</summary>
    public int MaxPlaintext => _dtls?.MaxPlaintext ?? 0;

    /// <summary>The client's address as it is now.</summary>
    public override IPEndPoint Remote => ReadAddress().ToEndPoint();

    /// <summary>What was negotiated, made anew at each call; null until the handshake is done and once it is over.</summary>
    public override PskTlsSession? Tls => _dtls?.Session;

    /// <summary>The random part of its connection id; the association has one even if the client did not want it.</summary>
    internal uint Key { get; }

    /// <summary>The address everything goes to. On the shard's thread.</summary>
    internal PeerAddress Address => _address;

    internal bool IsFoundByAddress { get; set; }

    /// <summary>The client names the association in every record, so its address may change.</summary>
    internal bool HasConnectionId => _dtls is { UsesConnectionId: true };

    /// <summary>The engine still has a deadline.</summary>
    internal bool IsSettling => _settle is not null;

    internal PskDtlsConnection? Dtls => _dtls;

    /// <summary>Sends one record, which is one datagram. It may get lost like any.</summary>
    /// <param name="plaintext">0..<see cref="MaxPlaintext"/> bytes.</param>
    /// <returns>False if it was not sent: too large, the association is closed, or its new address is not proved and would get too much.</returns>
    public bool Send(ReadOnlySpan<byte> plaintext)
    {
        if (_dtls is null || plaintext.Length > _dtls.MaxPlaintext) return false;
        var status = _dtls.Write(plaintext, _endpoint.Outbox.Next(), out var written);
        var isSent = written > 0 && TryCommit(written);
        if (status != PskTlsStatus.Complete)
        {
            // The key is worn out, and what was written says so: a close_notify.
            if (status == PskTlsStatus.Closed) _endpoint.Ended(this);
            return false;
        }
        if (isSent) AddDown(plaintext.Length);
        return isSent;
    }

    /// <summary>Ends the association with close_notify.</summary>
    public void Close(CloseReason reason) => _endpoint.Close(this, reason, sayGoodbye: true);

    /// <summary>
    /// Runs <paramref name="action"/> on the association's shard, from any thread. It is skipped if the association is
    /// closed by then; its exceptions end the association.
    /// </summary>
    /// <returns>False if the shard has ended.</returns>
    public bool TryPost(Action<DatagramSession> action)
    {
        ArgumentNullException.ThrowIfNull(action);
        return _endpoint.Loop.TryPost(new DelegateWork(() => _endpoint.Run(this, action)));
    }

    internal void Opened(PskDtlsConnection dtls, DateTimeOffset at)
    {
        _dtls = dtls;
        Connected(null, at);
        WatchDeadline();
    }

    /// <summary>The association of an earlier run goes on.</summary>
    internal void Restored(PskDtlsConnection dtls, DateTimeOffset connectedAt, long bytesUp, long bytesDown)
    {
        _dtls = dtls;
        Restore(connectedAt, bytesUp, bytesDown);
        WatchDeadline();
    }

    /// <summary>Keeps the engine's deadline, as long as it has one.</summary>
    internal void WatchDeadline()
    {
        if (_dtls is null || _dtls.Deadline == long.MaxValue)
        {
            DropSettle();
            return;
        }
        _settle ??= new SettleTimer(this);
        if (!_settle.IsArmed || _settle.Deadline != _dtls.Deadline) _endpoint.Wheel.Arm(_settle, _dtls.Deadline - _endpoint.Loop.Now);
    }

    /// <summary>Puts the record in <see cref="DatagramOutbox.Next"/> in line, if the address may have it.</summary>
    internal bool TryCommit(int length)
    {
        if (!MaySend(length)) return false;
        _endpoint.Commit(length, _address);
        return true;
    }

    /// <summary>Secrets, timers and the application's state are given back.</summary>
    internal void Free()
    {
        DropSettle();
        DropPath();
        _dtls?.Dispose();
        _dtls = null;
    }

    private void Settle()
    {
        if (_dtls is null) return;
        try
        {
            if (_dtls.Tick(_endpoint.Loop.Now) == PskTlsStatus.Closed) _endpoint.Ended(this);
            else WatchDeadline();
        }
        catch (Exception exception)
        {
            _endpoint.Fault(this, exception);
        }
    }

    /// <summary>The client is heard from, and answered at, another address now.</summary>
    private void SetAddress(in PeerAddress address)
    {
        // Other threads read the address without a lock; an odd version tells them that it is being written.
        Volatile.Write(ref _addressVersion, _addressVersion + 1);
        Interlocked.MemoryBarrier();
        _address = address;
        Volatile.Write(ref _addressVersion, _addressVersion + 1);
    }

    private PeerAddress ReadAddress()
    {
        while (true)
        {
            var version = Volatile.Read(ref _addressVersion);
            var address = _address;
            Interlocked.MemoryBarrier();
            if ((version & 1) == 0 && version == Volatile.Read(ref _addressVersion)) return address;
            Thread.SpinWait(1);
        }
    }

    private void DropSettle()
    {
        if (_settle is not null) _endpoint.Wheel.Cancel(_settle);
        _settle = null;
    }

    /// <summary>For a while after the handshake the engine keeps its last flight, which the client may have missed.</summary>
    private sealed class SettleTimer(DatagramSession session) : Timers.TimerNode
    {
        internal override void OnTimer() => session.Settle();
    }
}
