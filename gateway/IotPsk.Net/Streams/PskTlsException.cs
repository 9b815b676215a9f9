using IotPsk.Tls;

namespace IotPsk.Net;

/// <summary>A TLS connection failed.</summary>
public sealed class PskTlsException : IOException
{
    /// <summary>With the engine's verdict.</summary>
    public PskTlsException(TlsError error)
        : base((error ?? throw new ArgumentNullException(nameof(error))).ToString()) => Error = error;

    /// <summary>Why.</summary>
    public TlsError Error { get; }
}
