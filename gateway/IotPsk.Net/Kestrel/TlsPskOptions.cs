using System.Net;
using IotPsk.Tls;

namespace IotPsk.Net;

/// <summary>How a port of Kestrel speaks TLS with pre-shared keys.</summary>
public sealed class TlsPskOptions
{
    /// <summary>
    /// The engine's options. By default TLS 1.3 alone: a key of TLS 1.2 must not be used with TLS 1.3 too (RFC 9258 s7), and
    /// <see cref="FindKey"/> is not told the version.
    /// </summary>
    public PskTlsServerOptions Tls { get; set; } = new() { AllowTls12 = false };

    /// <summary>
    /// Finds the key of an identity, or null if it is unknown. Identities are asked for in the client's order, four at most, until
    /// one has a key. It may take its time: no thread waits.
    /// </summary>
    public Func<ReadOnlyMemory<byte>, EndPoint?, CancellationToken, ValueTask<TlsPskKey?>>? FindKey { get; set; }

    /// <summary>How long a handshake may take.</summary>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);
}
