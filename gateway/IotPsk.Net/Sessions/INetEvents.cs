using System.Net;
using IotPsk.Tls;

namespace IotPsk.Net;

/// <summary>A handshake that ended without a session.</summary>
/// <param name="Listener">The listener's name.</param>
/// <param name="Remote">The client.</param>
/// <param name="Reason">What kind of failure.</param>
/// <param name="Error">The engine's verdict, if it had one.</param>
/// <param name="Detail">The resolver's reason, if it rejected.</param>
/// <param name="Tag">What the resolver gave with the key, if it came that far.</param>
public readonly record struct HandshakeFailure(string Listener, IPEndPoint Remote, HandshakeFailureReason Reason, TlsError? Error, string? Detail, object? Tag)
{
    /// <summary>One line for a log.</summary>
    public override string ToString() => (Error, Detail) switch
    {
        (_, { } detail) => $"{Reason}: {detail}",
        ({ } error, _) => $"{Reason}: {error}",
        _ => Reason.ToString(),
    };
}

/// <summary>Where a <see cref="ShardSet"/> tells what happens. Called on shards' threads: must not block, may run in parallel.</summary>
public interface INetEvents
{
    /// <summary>A connection was accepted.</summary>
    void Accepted(string listener, IPEndPoint remote) { }

    /// <summary>A connection was closed unheard. With <see cref="RefusalReason.NoDescriptors"/> the address is the listener's own.</summary>
    void Refused(string listener, IPEndPoint remote, RefusalReason reason) { }

    /// <summary>A handshake failed.</summary>
    void HandshakeFailed(in HandshakeFailure failure) { }

    /// <summary>A handshake is done.</summary>
    void Connected(SessionInfo session) { }

    /// <summary>An association of an earlier run goes on (<see cref="DatagramSnapshot"/>).</summary>
    void Restored(SessionInfo session) { }

    /// <summary>The upstream could not be connected; <paramref name="cause"/> is the system's text.</summary>
    void UpstreamFailed(SessionInfo session, EndPoint upstream, string cause) { }

    /// <summary>A session that was connected ended.</summary>
    /// <param name="session">The session.</param>
    /// <param name="reason">Why.</param>
    /// <param name="cause">The engine's verdict, if that was the cause.</param>
    void Closed(SessionInfo session, CloseReason reason, TlsError? cause) { }

    /// <summary>Code called on a shard (prologue, resolver, an event, or the shard itself) threw; at most one session was lost.</summary>
    void Fault(Exception exception) { }
}
