namespace IotPsk.Tls;

/// <summary>Protocol versions by their wire value.</summary>
public enum TlsProtocol : ushort
{
    /// <summary>No version.</summary>
    None = 0,

    /// <summary>TLS 1.2 (RFC 5246).</summary>
    Tls12 = 0x0303,

    /// <summary>TLS 1.3 (RFC 8446).</summary>
    Tls13 = 0x0304,

    /// <summary>DTLS 1.3 (RFC 9147).</summary>
    Dtls13 = 0xfefc,

    /// <summary>DTLS 1.2 (RFC 6347).</summary>
    Dtls12 = 0xfefd,
}
