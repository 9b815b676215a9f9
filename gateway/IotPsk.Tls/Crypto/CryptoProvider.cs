using IotPsk.Tls.Crypto.OpenSsl;

namespace IotPsk.Tls.Crypto;

/// <summary>
/// The seam between the protocol and a cryptographic library. Every member may be called from any thread;
/// what it caches, it caches per thread. A failure of the library itself is a <see cref="System.Security.Cryptography.CryptographicException"/>.
/// </summary>
internal abstract class CryptoProvider
{
    /// <summary>The provider of this process.</summary>
    public static CryptoProvider Default { get; } = CryptoSelection.Select(LibCrypto.IsAvailable);

    /// <summary>True if the library has this group on this platform.</summary>
    public abstract bool Supports(NamedGroup group);

    /// <summary>True if the library has this AEAD on this platform.</summary>
    public abstract bool Supports(AeadAlgorithm algorithm);

    public abstract void FillRandom(Span<byte> destination);

    public abstract void HashData(TlsHash hash, ReadOnlySpan<byte> data, Span<byte> destination);

    /// <summary>HMAC over the concatenation of two parts, either of which may be empty; the key may not.</summary>
    public abstract void Hmac(TlsHash hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> destination);

    public abstract TranscriptHash CreateTranscript(TlsHash hash);

    /// <summary>A fresh ephemeral key pair.</summary>
    public abstract KeyAgreement CreateKeyAgreement(NamedGroup group);

    /// <summary>Encrypts <paramref name="data"/> in place and writes the tag.</summary>
    public abstract void Seal(in AeadKey key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> data, Span<byte> tag);

    /// <summary>Encrypts <paramref name="content"/> into the front of <paramref name="data"/>, and what stands behind it there in place; writes the tag.</summary>
    public virtual void Seal(in AeadKey key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> content, Span<byte> data, Span<byte> tag)
    {
        content.CopyTo(data);
        Seal(key, nonce, associatedData, data, tag);
    }

    /// <summary>Decrypts; false if it does not authenticate, and then <paramref name="plaintext"/> is zero.</summary>
    public abstract bool Open(
        in AeadKey key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag, Span<byte> plaintext);

    /// <summary>Wipes what the last derivations left in the contexts this thread reuses.</summary>
    public abstract void Wipe();

    /// <summary>Wipes what is cached for a key on this thread; other threads' caches hold it until they reuse the place.</summary>
    public abstract void Forget(long keyId);
}
