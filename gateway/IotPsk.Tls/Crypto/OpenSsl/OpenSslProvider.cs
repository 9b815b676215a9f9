using System.Security.Cryptography;
using System.Text;
using static IotPsk.Tls.Crypto.OpenSsl.LibCrypto;

namespace IotPsk.Tls.Crypto.OpenSsl;

/// <summary>libcrypto 3 with contexts that are made once per thread and reused.</summary>
internal sealed unsafe class OpenSslProvider : CryptoProvider
{
    private OpenSslProvider()
    {
    }

    /// <exception cref="PlatformNotSupportedException">There is no libcrypto 3.</exception>
    public static OpenSslProvider Create() => IsAvailable
        ? new OpenSslProvider()
        : throw new PlatformNotSupportedException("libcrypto of OpenSSL 3 is not installed: install the package libssl3 (or openssl 3).");

    public override bool Supports(NamedGroup group) => group is NamedGroup.Secp256r1 or NamedGroup.X25519;

    public override bool Supports(AeadAlgorithm algorithm) => true;

    public override void FillRandom(Span<byte> destination)
    {
        fixed (byte* bytes = destination)
            Check(RAND_bytes(bytes, destination.Length));
    }

    public override void HashData(TlsHash hash, ReadOnlySpan<byte> data, Span<byte> destination)
    {
        nint context = OpenSslThread.Current.ScratchDigest;
        fixed (byte* bytes = data, output = destination[..hash.Length()])
        {
            Check(EVP_DigestInit_ex(context, OpenSslAlgorithms.Digest(hash), 0));
            Check(EVP_DigestUpdate(context, bytes, (nuint)data.Length));
            Check(EVP_DigestFinal_ex(context, output, null));
        }
    }

    public override void Hmac(TlsHash hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> destination)
    {
        // EVP_MAC_init takes a null key for "the last one".
        ArgumentOutOfRangeException.ThrowIfZero(key.Length);
        nint context = OpenSslThread.Current.Mac(hash);
        nuint written;
        fixed (byte* keyBytes = key, firstBytes = first, secondBytes = second, output = destination[..hash.Length()])
        {
            Check(EVP_MAC_init(context, keyBytes, (nuint)key.Length, null));
            if (!first.IsEmpty)
                Check(EVP_MAC_update(context, firstBytes, (nuint)first.Length));
            if (!second.IsEmpty)
                Check(EVP_MAC_update(context, secondBytes, (nuint)second.Length));
            Check(EVP_MAC_final(context, output, &written, (nuint)hash.Length()));
        }
    }

    public override TranscriptHash CreateTranscript(TlsHash hash) => new OpenSslTranscriptHash(hash);

    public override KeyAgreement CreateKeyAgreement(NamedGroup group) => new OpenSslKeyAgreement(group);

    public override void Seal(in AeadKey key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> data, Span<byte> tag) =>
        OpenSslThread.Current.Aead.Seal(key, nonce, associatedData, default, data, tag);

    public override void Seal(in AeadKey key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> content, Span<byte> data, Span<byte> tag) =>
        OpenSslThread.Current.Aead.Seal(key, nonce, associatedData, content, data, tag);

    public override bool Open(
        in AeadKey key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag, Span<byte> plaintext) =>
        OpenSslThread.Current.Aead.Open(key, nonce, associatedData, ciphertext, tag, plaintext);

    public override void Wipe() => OpenSslThread.Current.Wipe();

    public override void Forget(long keyId) => OpenSslThread.Current.Aead.Forget(keyId);

    internal static void Check(int result)
    {
        if (result != 1)
            throw Failure();
    }

    internal static nint Check(nint pointer) => pointer != 0 ? pointer : throw Failure();

    private static CryptographicException Failure()
    {
        Span<byte> text = stackalloc byte[256];
        fixed (byte* bytes = text)
            ERR_error_string_n(ERR_peek_last_error(), bytes, (nuint)text.Length);
        ERR_clear_error();
        int end = text.IndexOf((byte)0);
        return new CryptographicException("libcrypto: " + Encoding.ASCII.GetString(text[..(end < 0 ? text.Length : end)]));
    }
}
