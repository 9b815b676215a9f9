namespace IotPsk.Tls;

/// <summary>The hash of a key schedule.</summary>
public enum TlsHash
{
    /// <summary>SHA-256, 32 bytes.</summary>
    Sha256,

    /// <summary>SHA-384, 48 bytes.</summary>
    Sha384,
}
