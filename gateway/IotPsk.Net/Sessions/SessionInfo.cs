using System.Net;
using IotPsk.Tls;

namespace IotPsk.Net;

/// <summary>What is known of one connection. Readable from any thread; the counters move while it lives.</summary>
public class SessionInfo
{
    private readonly long _acceptedTicks;
    private readonly IPEndPoint? _remote;
    private long _bytesUp;
    private long _bytesDown;
    private long _connectedTicks;
    private volatile PskTlsSession? _tls;
    private volatile object? _tag;
    private volatile bool _isOver;

    internal SessionInfo(string listener, IPEndPoint? remote, DateTimeOffset acceptedAt)
    {
        Listener = listener;
        _remote = remote;
        _acceptedTicks = acceptedAt.UtcTicks;
    }

    /// <summary>Unique among the sessions of a <see cref="ShardSet"/>, and not reused while it lives.</summary>
    public long Id { get; internal set; }

    /// <summary>The listener's name.</summary>
    public string Listener { get; }

    /// <summary>The client's address; over UDP the one it was last heard from.</summary>
    public virtual IPEndPoint Remote => _remote!;

    /// <summary>When the connection was accepted.</summary>
    public DateTimeOffset AcceptedAt => new(_acceptedTicks, TimeSpan.Zero);

    /// <summary>When the handshake was done; null before.</summary>
    public DateTimeOffset? ConnectedAt => Volatile.Read(ref _connectedTicks) is > 0 and var ticks ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;

    /// <summary>What was negotiated; null until the handshake is done.</summary>
    public virtual PskTlsSession? Tls => _tls;

    /// <summary>What the resolver gave with the key; null before that.</summary>
    public object? Tag { get => _tag; internal set => _tag = value; }

    /// <summary>A TLS session that ended: what is made for it now reaches nobody.</summary>
    public bool IsOver { get => _isOver; internal set => _isOver = value; }

    /// <summary>Plaintext bytes from the client.</summary>
    public long BytesUp => Volatile.Read(ref _bytesUp);

    /// <summary>Plaintext bytes to the client.</summary>
    public long BytesDown => Volatile.Read(ref _bytesDown);

    internal void Connected(PskTlsSession? tls, DateTimeOffset at)
    {
        Volatile.Write(ref _connectedTicks, at.UtcTicks);
        _tls = tls;
    }

    /// <summary>What an earlier run knew.</summary>
    internal void Restore(DateTimeOffset connectedAt, long bytesUp, long bytesDown)
    {
        (_bytesUp, _bytesDown) = (bytesUp, bytesDown);
        Connected(null, connectedAt);
    }

    // Written by one thread alone, so a plain sum is enough.
    internal void AddUp(int count) => Volatile.Write(ref _bytesUp, _bytesUp + count);

    internal void AddDown(int count) => Volatile.Write(ref _bytesDown, _bytesDown + count);
}
