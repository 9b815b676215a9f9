namespace IotPsk.Tls;

/// <summary>Cipher suites by their wire value (RFC 8446 sB.4 and, for TLS 1.2, the RFC named beside each).</summary>
public enum CipherSuite : ushort
{
    /// <summary>No suite.</summary>
    None = 0,

    /// <summary>TLS 1.2: PSK with AES-128-GCM (RFC 5487 s2).</summary>
    TLS_PSK_WITH_AES_128_GCM_SHA256 = 0x00a8,

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

    /// <summary>TLS 1.2: PSK with AES-128-CCM (RFC 6655 s4).</summary>
    TLS_PSK_WITH_AES_128_CCM = 0xc0a4,

    /// <summary>TLS 1.2: PSK with AES-128-CCM and 8-byte tags (RFC 6655 s4).</summary>
    TLS_PSK_WITH_AES_128_CCM_8 = 0xc0a8,

    /// <summary>TLS 1.2: PSK with ChaCha20-Poly1305 (RFC 7905 s3).</summary>
    TLS_PSK_WITH_CHACHA20_POLY1305_SHA256 = 0xccab,

    /// <summary>TLS 1.2: ECDHE_PSK with ChaCha20-Poly1305 (RFC 7905 s3).</summary>
    TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256 = 0xccac,

    /// <summary>TLS 1.2: ECDHE_PSK with AES-128-GCM (RFC 8442 s3).</summary>
    TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256 = 0xd001,

    /// <summary>TLS 1.2: ECDHE_PSK with AES-128-CCM and 8-byte tags (RFC 8442 s3).</summary>
    TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256 = 0xd003,

    /// <summary>TLS 1.2: ECDHE_PSK with AES-128-CCM (RFC 8442 s3).</summary>
    TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256 = 0xd005,
}
