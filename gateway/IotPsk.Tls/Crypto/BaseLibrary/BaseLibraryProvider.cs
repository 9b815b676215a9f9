using System.Security.Cryptography;

namespace IotPsk.Tls.Crypto.BaseLibrary;

/// <summary>
/// System.Security.Cryptography, where libcrypto 3 cannot be loaded. It has no X25519, so that group is not offered, and a context is made
/// for each record: several times slower, and not free of allocations.
/// </summary>
internal sealed class BaseLibraryProvider : CryptoProvider
{
    /// <summary>What fits is put together on the stack: cheaper than a running hash.</summary>
    private const int MaxConcatenation = 512;

    public override bool Supports(NamedGroup group) => group == NamedGroup.Secp256r1;

    public override bool Supports(AeadAlgorithm algorithm) => algorithm switch
    {
        AeadAlgorithm.Aes128Gcm or AeadAlgorithm.Aes256Gcm => AesGcm.IsSupported,
        AeadAlgorithm.ChaCha20Poly1305 => System.Security.Cryptography.ChaCha20Poly1305.IsSupported,
        _ => AesCcm.IsSupported,
    };

    public override void FillRandom(Span<byte> destination) => RandomNumberGenerator.Fill(destination);

    public override void HashData(TlsHash hash, ReadOnlySpan<byte> data, Span<byte> destination)
    {
        if (hash == TlsHash.Sha256)
            SHA256.HashData(data, destination);
        else
            SHA384.HashData(data, destination);
    }

    public override void Hmac(TlsHash hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfZero(key.Length);
        if (first.Length + second.Length > MaxConcatenation)
        {
            using var running = IncrementalHash.CreateHMAC(Name(hash), key);
            running.AppendData(first);
            running.AppendData(second);
            running.GetHashAndReset(destination);
            return;
        }

        Span<byte> data = stackalloc byte[first.Length + second.Length];
        first.CopyTo(data);
        second.CopyTo(data[first.Length..]);
        if (hash == TlsHash.Sha256)
            HMACSHA256.HashData(key, data, destination);
        else
            HMACSHA384.HashData(key, data, destination);
        CryptographicOperations.ZeroMemory(data);
    }

    public override TranscriptHash CreateTranscript(TlsHash hash) => new BaseLibraryTranscriptHash(hash);

    public override KeyAgreement CreateKeyAgreement(NamedGroup group) => new BaseLibraryKeyAgreement(group);

    public override void Seal(in AeadKey key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> data, Span<byte> tag)
    {
        switch (key.Algorithm)
        {
            case AeadAlgorithm.Aes128Gcm or AeadAlgorithm.Aes256Gcm:
                using (var gcm = new AesGcm(key.Bytes, tag.Length))
                    gcm.Encrypt(nonce, data, data, tag, associatedData);
                break;
            case AeadAlgorithm.ChaCha20Poly1305:
                using (var chacha = new System.Security.Cryptography.ChaCha20Poly1305(key.Bytes))
                    chacha.Encrypt(nonce, data, data, tag, associatedData);
                break;
            default:
                using (var ccm = new AesCcm(key.Bytes))
                    ccm.Encrypt(nonce, data, data, tag, associatedData);
                break;
        }
    }

    public override bool Open(
        in AeadKey key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag, Span<byte> plaintext)
    {
        plaintext = plaintext[..ciphertext.Length];
        try
        {
            switch (key.Algorithm)
            {
                case AeadAlgorithm.Aes128Gcm or AeadAlgorithm.Aes256Gcm:
                    using (var gcm = new AesGcm(key.Bytes, tag.Length))
                        gcm.Decrypt(nonce, ciphertext, tag, plaintext, associatedData);
                    break;
                case AeadAlgorithm.ChaCha20Poly1305:
                    using (var chacha = new System.Security.Cryptography.ChaCha20Poly1305(key.Bytes))
                        chacha.Decrypt(nonce, ciphertext, tag, plaintext, associatedData);
                    break;
                default:
                    using (var ccm = new AesCcm(key.Bytes))
                        ccm.Decrypt(nonce, ciphertext, tag, plaintext, associatedData);
                    break;
            }

            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            CryptographicOperations.ZeroMemory(plaintext);
            return false;
        }
    }

    /// <summary>Nothing is reused.</summary>
    public override void Wipe()
    {
    }

    /// <summary>Nothing is cached.</summary>
    public override void Forget(long keyId)
    {
    }

    internal static HashAlgorithmName Name(TlsHash hash) => hash == TlsHash.Sha256 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA384;
}
