namespace IotPsk.Tls;

/// <summary>
/// The sessions of TLS 1.2 by their session id (RFC 5246 sF.1.4), for clients without tickets. It holds sealed tickets and therefore no secret;
/// what ages or is too much it may drop at any time. Called by many connections at once, within their handshakes: it must not block or throw.
/// </summary>
public interface ISessionCache
{
    /// <summary>Keeps a session.</summary>
    /// <param name="sessionId">32 random bytes.</param>
    /// <param name="ticket">What is sealed; copy it.</param>
    void Add(ReadOnlySpan<byte> sessionId, ReadOnlySpan<byte> ticket);

    /// <summary>Finds a session.</summary>
    /// <param name="sessionId">1..32 bytes from a client.</param>
    /// <param name="ticket">What was kept; unchanged while it is used.</param>
    /// <returns>False if there is none.</returns>
    bool TryFind(ReadOnlySpan<byte> sessionId, out ReadOnlyMemory<byte> ticket);

    /// <summary>Drops a session, if it is there: its connection failed (RFC 5246 s7.2.2).</summary>
    /// <param name="sessionId">As it was added.</param>
    void Remove(ReadOnlySpan<byte> sessionId);
}
