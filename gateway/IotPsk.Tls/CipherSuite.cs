namespace IotPsk.Tls;

/// <summary>Cipher suites by their wire value (RFC 8446 sB.4).</summary>
public enum CipherSuite : ushort
{
    /// <summary>No suite.</summary>
    None = 0,

    /// <summary>AES-128-GCM with SHA-256.</summary>
    TLS_AES_128_GCM_SHA256 = 0x1301,

    /// <summary>AES-256-GCM with SHA-384.</summary>
    TLS_AES_256_GCM_SHA384 = 0x1302,

    /// <summary>ChaCha20-Poly1305 with SHA-256.</summary>
    TLS_CHACHA20_POLY1305_SHA256 = 0x1303,

    /// <summary>AES-128-CCM with SHA-256.</summary>
    TLS_AES_128_CCM_SHA256 = 0x1304,

    /// <summary>AES-128-CCM with 8-byte tags and SHA-256.</summary>
    TLS_AES_128_CCM_8_SHA256 = 0x1305,
}
