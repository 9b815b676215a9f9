using System.Net;
using IotPsk.Tls;

namespace IotPsk.Net;

/// <summary>How a port of Kestrel speaks TLS with pre-shared keys.</summary>
public sealed class TlsPskOptions
{
    /// <summary>The engine's options.</summary>
    public PskTlsServerOptions Tls { get; set; } = new();

    /// <summary>
    /// Finds the key of an identity, or null if it is unknown. Identities are asked for in the client's order, four at most, until
    /// one has a key. It may take its time: no thread waits.
    /// </summary>
    public Func<ReadOnlyMemory<byte>, EndPoint?, CancellationToken, ValueTask<TlsPskKey?>>? FindKey { get; set; }

    /// <summary>How long a handshake may take.</summary>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);
}
