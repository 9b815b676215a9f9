using System.Diagnostics.CodeAnalysis;

namespace IotPsk.Tls.Crypto;

/// <summary>What a cipher suite is made of. A new suite is a new row.</summary>
/// <param name="Suite">Its name.</param>
/// <param name="Hash">Of the key schedule.</param>
/// <param name="Aead">Of the records.</param>
/// <param name="KeyLength">In bytes.</param>
/// <param name="TagLength">In bytes.</param>
/// <param name="MaxRecords">After how many records under one key a new one is due.</param>
internal sealed record CipherSuiteParameters(CipherSuite Suite, TlsHash Hash, AeadAlgorithm Aead, byte KeyLength, byte TagLength, ulong MaxRecords)
{
    /// <summary>The nonce of every TLS 1.3 AEAD (RFC 8446 s5.3).</summary>
    public const int NonceLength = 12;

    public const int MaxKeyLength = 32;

    /// <summary>RFC 8446 s5.5: 2^24.5 records of the longest size, rounded down.</summary>
    private const ulong GcmLimit = 1UL << 24;

    /// <summary>RFC 8446 s5.5: the sequence number would wrap before the limit is reached.</summary>
    private const ulong ChaChaLimit = ulong.MaxValue - 256;

    /// <summary>RFC 9147 s4.5.3; RFC 8446 names none. What a short tag costs is the forger's chance, and one forgery ends the connection.</summary>
    private const ulong CcmLimit = 1UL << 23;

    private static readonly CipherSuiteParameters[] Rows =
    [
        new(CipherSuite.TLS_AES_128_GCM_SHA256, TlsHash.Sha256, AeadAlgorithm.Aes128Gcm, 16, 16, GcmLimit),
        new(CipherSuite.TLS_AES_256_GCM_SHA384, TlsHash.Sha384, AeadAlgorithm.Aes256Gcm, 32, 16, GcmLimit),
        new(CipherSuite.TLS_CHACHA20_POLY1305_SHA256, TlsHash.Sha256, AeadAlgorithm.ChaCha20Poly1305, 32, 16, ChaChaLimit),
        new(CipherSuite.TLS_AES_128_CCM_SHA256, TlsHash.Sha256, AeadAlgorithm.Aes128Ccm, 16, 16, CcmLimit),
        new(CipherSuite.TLS_AES_128_CCM_8_SHA256, TlsHash.Sha256, AeadAlgorithm.Aes128Ccm8, 16, 8, CcmLimit),
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
