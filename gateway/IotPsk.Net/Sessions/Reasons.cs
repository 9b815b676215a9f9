namespace IotPsk.Net;

/// <summary>Why a session ended.</summary>
public enum CloseReason
{
    /// <summary>The client sent close_notify.</summary>
    PeerClosed,

    /// <summary>The client closed its TCP side without close_notify: what it sent may be cut short.</summary>
    PeerTruncated,

    /// <summary>The client reset the connection or is unreachable.</summary>
    PeerReset,

    /// <summary>The client sent a fatal alert.</summary>
    PeerAlert,

    /// <summary>The client broke the protocol after the handshake.</summary>
    TlsFailure,

    /// <summary>The upstream closed.</summary>
    UpstreamClosed,

    /// <summary>The upstream reset the connection.</summary>
    UpstreamReset,

    /// <summary>The upstream could not be connected.</summary>
    UpstreamUnreachable,

    /// <summary>The upstream did not answer within <see cref="NetLimits.ConnectTimeout"/>.</summary>
    UpstreamTimeout,

    /// <summary>The prologue refused.</summary>
    PrologueRefused,

    /// <summary>The prologue was all there was to it: it has answered.</summary>
    PrologueAnswered,

    /// <summary>The client did not complete the prologue within <see cref="NetLimits.PrologueTimeout"/>.</summary>
    PrologueTimeout,

    /// <summary>The prologue asked for more than <see cref="NetLimits.PrologueBytes"/>.</summary>
    PrologueTooLarge,

    /// <summary>The device was revoked.</summary>
    Revoked,

    /// <summary>An operator closed the session.</summary>
    Administrative,

    /// <summary>The listener it came by is no longer served.</summary>
    ListenerRemoved,

    /// <summary>A newer session of the device took its place, or the device has too many.</summary>
    Replaced,

    /// <summary>The shards are stopping.</summary>
    Stopping,

    /// <summary>A fault on this side; <see cref="INetEvents.Fault"/> has the exception.</summary>
    LocalFault,

    /// <summary>The device was silent for <see cref="DatagramLimits.IdleTimeout"/>, or nothing passed for <see cref="TlsListenerOptions.IdleTimeout"/>.</summary>
    IdleTimeout,

    /// <summary>It was silent longest when <see cref="DatagramLimits.Associations"/> was reached.</summary>
    Evicted,

    /// <summary>Over UDP: so much was sent, or so much was forged, that the key must not be used any longer (RFC 9147 s4.5.3).</summary>
    WornOut,
}

/// <summary>Why a handshake ended without a session.</summary>
public enum HandshakeFailureReason
{
    /// <summary>The engine's verdict: <see cref="HandshakeFailure.Error"/> has it.</summary>
    Tls,

    /// <summary>The resolver rejected the offered identities; <see cref="HandshakeFailure.Detail"/> has its reason.</summary>
    Rejected,

    /// <summary>The resolver failed (TPM gone, queue full): internal_error.</summary>
    ResolverFailed,

    /// <summary><see cref="NetLimits.HandshakeTimeout"/> passed while the client's bytes were awaited.</summary>
    Timeout,

    /// <summary>The same, while the resolver's answer was awaited.</summary>
    ResolverTimeout,

    /// <summary>The client closed the connection.</summary>
    PeerClosed,

    /// <summary>The client reset the connection.</summary>
    PeerReset,

    /// <summary>The owner closed it (<see cref="ShardSet.CloseSessionsAsync"/>) or the shards are stopping.</summary>
    ClosedByOwner,

    /// <summary>A fault on this side; <see cref="INetEvents.Fault"/> has the exception.</summary>
    LocalFault,

    /// <summary>Over UDP: the client at this address began again.</summary>
    Restarted,
}

/// <summary>Why a connection was not admitted.</summary>
public enum RefusalReason
{
    /// <summary><see cref="NetLimits.Connections"/> is reached.</summary>
    TooManyConnections,

    /// <summary><see cref="NetLimits.HalfOpen"/> is reached.</summary>
    TooManyHalfOpen,

    /// <summary><see cref="NetLimits.HalfOpenPerPrefix"/> is reached for the client's prefix.</summary>
    TooManyHalfOpenOfPrefix,

    /// <summary><see cref="TlsListenerOptions.Connections"/> is reached.</summary>
    TooManyOfListener,

    /// <summary>The process or the system has no descriptor left.</summary>
    NoDescriptors,
}
