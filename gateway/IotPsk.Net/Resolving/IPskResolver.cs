using IotPsk.Tls;

namespace IotPsk.Net;

/// <summary>Finds keys for offered identities. All members run on shards' threads, in parallel, and must not block.</summary>
public interface IPskResolver
{
    /// <summary>
    /// Answers <paramref name="request"/> here and now, or hands it to another thread that does. An unanswered request ends
    /// with <see cref="NetLimits.HandshakeTimeout"/>. An exception counts as <see cref="PskRequest.Fail"/>.
    /// </summary>
    void Resolve(PskRequest request);

    /// <summary>The peer has proved that it holds the key given with <paramref name="tag"/>: the handshake is done.</summary>
    void Verified(object tag);

    /// <summary>A handshake failed after a key was given (<paramref name="tag"/>) or the identities were rejected (null).</summary>
    void Failed(object? tag, TlsError cause);
}
