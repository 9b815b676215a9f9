using System.Diagnostics.CodeAnalysis;

namespace IotPsk.Tls.Crypto;

/// <summary>What a cipher suite is made of. A new suite is a new row.</summary>
internal sealed record CipherSuiteParameters(CipherSuite Suite, TlsHash Hash, AeadAlgorithm Aead, byte KeyLength, byte TagLength)
{
    /// <summary>The nonce of every TLS 1.3 AEAD (RFC 8446 s5.3).</summary>
    public const int NonceLength = 12;

    public const int MaxKeyLength = 32;

    private static readonly CipherSuiteParameters[] Rows =
    [
        new(CipherSuite.TLS_AES_128_GCM_SHA256, TlsHash.Sha256, AeadAlgorithm.Aes128Gcm, 16, 16),
        new(CipherSuite.TLS_AES_256_GCM_SHA384, TlsHash.Sha384, AeadAlgorithm.Aes256Gcm, 32, 16),
        new(CipherSuite.TLS_CHACHA20_POLY1305_SHA256, TlsHash.Sha256, AeadAlgorithm.ChaCha20Poly1305, 32, 16),
        new(CipherSuite.TLS_AES_128_CCM_SHA256, TlsHash.Sha256, AeadAlgorithm.Aes128Ccm, 16, 16),
        new(CipherSuite.TLS_AES_128_CCM_8_SHA256, TlsHash.Sha256, AeadAlgorithm.Aes128Ccm8, 16, 8),
    ];

    public static bool TryGet(CipherSuite suite, [NotNullWhen(true)] out CipherSuiteParameters? parameters)
    {
        foreach (CipherSuiteParameters row in Rows)
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
}
