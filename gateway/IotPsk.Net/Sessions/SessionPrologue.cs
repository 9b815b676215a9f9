using System.Buffers;

namespace IotPsk.Net;

/// <summary>What a <see cref="SessionPrologue"/> decided.</summary>
public enum PrologueStatus
{
    /// <summary>The decision needs more bytes.</summary>
    NeedMore,

    /// <summary>Connect the upstream; what was written for it goes first, then everything the client sends.</summary>
    Forward,

    /// <summary>Send the reply, then close_notify; the upstream is never contacted.</summary>
    Refuse,

    /// <summary>
    /// The reply comes later, from another thread (<see cref="ShardSet.Reply"/>), and then close_notify; nothing is read meanwhile. It must come
    /// before <see cref="NetLimits.PrologueTimeout"/> is over.
    /// </summary>
    Wait,
}

/// <summary>
/// Reads the first plaintext of one session before anything goes upstream (MQTT: the CONNECT packet). One object per
/// session, on the shard's thread; it must not block. An exception ends the session and nothing else.
/// </summary>
public abstract class SessionPrologue
{
    /// <summary>Looks at the bytes received so far.</summary>
    /// <param name="received">Plaintext that was not consumed yet.</param>
    /// <param name="session">The session, handshake done.</param>
    /// <param name="consumed">Bytes of <paramref name="received"/> to drop; on Forward the others follow what was written to <paramref name="upstream"/>.</param>
    /// <param name="upstream">Bytes for the upstream, sent on Forward.</param>
    /// <param name="reply">Bytes for the client, sent on Forward and on Refuse.</param>
    public abstract PrologueStatus Inspect(ReadOnlySpan<byte> received, SessionInfo session, out int consumed, IBufferWriter<byte> upstream, IBufferWriter<byte> reply);

    /// <summary>The upstream cannot be reached: writes what the client is told before close_notify.</summary>
    public abstract void UpstreamFailed(IBufferWriter<byte> reply);
}
