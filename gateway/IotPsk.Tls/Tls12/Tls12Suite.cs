using System.Diagnostics.CodeAnalysis;
using IotPsk.Tls.Crypto;

namespace IotPsk.Tls.Tls12;

/// <summary>What a cipher suite of TLS 1.2 is made of; the hash of all is SHA-256. A new suite is a new row.</summary>
/// <param name="Suite">Its name.</param>
/// <param name="Mode">PSK is shown as psk_ke, ECDHE_PSK as psk_dhe_ke.</param>
/// <param name="Aead">Of the records.</param>
/// <param name="KeyLength">In bytes.</param>
/// <param name="FixedIvLength">The part of the nonce that comes from the key block, in bytes.</param>
/// <param name="TagLength">In bytes.</param>
/// <param name="MaxRecords">After how many records under one key the connection has to end: TLS 1.2 has no KeyUpdate.</param>
internal sealed record Tls12Suite(
    CipherSuite Suite, PskKeyExchangeMode Mode, AeadAlgorithm Aead, byte KeyLength, byte FixedIvLength, byte TagLength, ulong MaxRecords)
{
    public const TlsHash Hash = TlsHash.Sha256;

    /// <summary>The longest key block: two keys of 32 bytes and two IVs of 12.</summary>
    public const int MaxKeyBlockLength = 2 * (CipherSuiteParameters.MaxKeyLength + CipherSuiteParameters.NonceLength);

    /// <summary>The limits of TLS 1.3 for the same algorithms (RFC 9325 s4.4).</summary>
    private const ulong GcmLimit = 1UL << 24, CcmLimit = 1UL << 23, ChaChaLimit = ulong.MaxValue - 256;

    private static readonly Tls12Suite[] Rows =
    [
        Gcm(CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256, PskKeyExchangeMode.PskDheKe),
        ChaCha(CipherSuite.TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256, PskKeyExchangeMode.PskDheKe),
        Ccm(CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256, PskKeyExchangeMode.PskDheKe, AeadAlgorithm.Aes128Ccm),
        Ccm(CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256, PskKeyExchangeMode.PskDheKe, AeadAlgorithm.Aes128Ccm8),
        Gcm(CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256, PskKeyExchangeMode.PskKe),
        ChaCha(CipherSuite.TLS_PSK_WITH_CHACHA20_POLY1305_SHA256, PskKeyExchangeMode.PskKe),
        Ccm(CipherSuite.TLS_PSK_WITH_AES_128_CCM, PskKeyExchangeMode.PskKe, AeadAlgorithm.Aes128Ccm),
        Ccm(CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, PskKeyExchangeMode.PskKe, AeadAlgorithm.Aes128Ccm8),
    ];

    /// <summary>All suites, those with forward secrecy first, short tags last.</summary>
    public static CipherSuite[] All => [.. Rows.Select(row => row.Suite)];

    /// <summary>The part of the nonce that every record carries (RFC 5288 s3, RFC 6655 s3); none with ChaCha20 (RFC 7905 s2).</summary>
    public int ExplicitNonceLength => CipherSuiteParameters.NonceLength - FixedIvLength;

    public static bool TryGet(CipherSuite suite, [NotNullWhen(true)] out Tls12Suite? parameters)
    {
        foreach (Tls12Suite row in Rows)
        {
            if (row.Suite == suite)
            {
                parameters = row;
                return true;
            }
        }

        parameters = null;
        return false;
    }

    private static Tls12Suite Gcm(CipherSuite suite, PskKeyExchangeMode mode) => new(suite, mode, AeadAlgorithm.Aes128Gcm, 16, 4, 16, GcmLimit);

    private static Tls12Suite ChaCha(CipherSuite suite, PskKeyExchangeMode mode) => new(suite, mode, AeadAlgorithm.ChaCha20Poly1305, 32, 12, 16, ChaChaLimit);

    private static Tls12Suite Ccm(CipherSuite suite, PskKeyExchangeMode mode, AeadAlgorithm aead) =>
        new(suite, mode, aead, 16, 4, (byte)(aead == AeadAlgorithm.Aes128Ccm8 ? 8 : 16), CcmLimit);
}
