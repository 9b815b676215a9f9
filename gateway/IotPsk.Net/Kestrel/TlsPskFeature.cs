using IotPsk.Tls;

namespace IotPsk.Net;

/// <summary>Who is at the other end of a connection that <c>UseTlsPsk</c> protects; found among the connection's features.</summary>
public interface ITlsPskFeature
{
    /// <summary>The identity that the client proved, as it was on the wire.</summary>
    ReadOnlyMemory<byte> Identity { get; }

    /// <summary>What the key's owner said about it, such as a device's name and epoch; null if nothing.</summary>
    object? Tag { get; }

    /// <summary>What was agreed.</summary>
    PskTlsSession Session { get; }
}

internal sealed record TlsPskFeature(ReadOnlyMemory<byte> Identity, object? Tag, PskTlsSession Session) : ITlsPskFeature;
