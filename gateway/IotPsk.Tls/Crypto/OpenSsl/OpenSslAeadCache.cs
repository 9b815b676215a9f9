using System.Runtime.InteropServices;
using System.Security.Cryptography;
using static IotPsk.Tls.Crypto.OpenSsl.LibCrypto;

namespace IotPsk.Tls.Crypto.OpenSsl;

/// <summary>
/// Keyed cipher contexts of one thread, found by the key's number. A connection keeps its raw keys; whether a place here still
/// holds its key only decides if the key is set anew (about 0.1 us).
/// </summary>
internal sealed unsafe class OpenSslAeadCache
{
    /// <summary>A power of two; each used place costs about 1 kB of native memory.</summary>
    private const int Places = 256;

    /// <summary>From here on a call of libcrypto more is cheaper than a copy.</summary>
    private const int LongContent = 1024;

    private readonly Place[] _places = new Place[Places];
    private Place _singleUse;

    ~OpenSslAeadCache()
    {
        EVP_CIPHER_CTX_free(_singleUse.Context);
        foreach (Place place in _places)
            EVP_CIPHER_CTX_free(place.Context);
    }

    public void Seal(in AeadKey key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> content, Span<byte> data, Span<byte> tag)
    {
        // CCM takes all in one update, and libcrypto refuses an output that overlaps the input without being it.
        if (content.Length < LongContent || IsCcm(key.Algorithm) || content.Overlaps(data))
        {
            content.CopyTo(data);
            content = default;
        }

        nint context = Keyed(key, encrypt: 1);
        int written = 0;

        // Empty data still needs an address: a null output would mean "associated data".
        byte nothing = 0;
        fixed (byte* iv = nonce, aad = associatedData, source = content, bytes = data, tagBytes = tag)
        {
            byte* target = bytes == null ? &nothing : bytes;
            OpenSslProvider.Check(EVP_CipherInit_ex(context, 0, 0, null, iv, 1));
            if (IsCcm(key.Algorithm))
                OpenSslProvider.Check(EVP_CipherUpdate(context, null, &written, null, data.Length));
            OpenSslProvider.Check(EVP_CipherUpdate(context, null, &written, aad, associatedData.Length));
            if (!content.IsEmpty)
                OpenSslProvider.Check(EVP_CipherUpdate(context, target, &written, source, content.Length));
            byte* rest = target + content.Length;
            OpenSslProvider.Check(EVP_CipherUpdate(context, rest, &written, rest, data.Length - content.Length));
            OpenSslProvider.Check(EVP_CipherFinal_ex(context, rest + written, &written));
            OpenSslProvider.Check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tag.Length, tagBytes));
        }
    }

    public bool Open(
        in AeadKey key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag, Span<byte> plaintext)
    {
        nint context = Keyed(key, encrypt: 0);
        plaintext = plaintext[..ciphertext.Length];
        bool authentic;
        int written;

        // An empty destination still needs an address: a null output would mean "associated data".
        byte nothing = 0;
        fixed (byte* iv = nonce, aad = associatedData, input = ciphertext, tagBytes = tag, output = plaintext)
        {
            byte* target = output == null ? &nothing : output;
            OpenSslProvider.Check(EVP_CipherInit_ex(context, 0, 0, null, iv, 0));
            OpenSslProvider.Check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tag.Length, tagBytes));
            if (IsCcm(key.Algorithm))
            {
                // CCM checks the tag within the one update.
                OpenSslProvider.Check(EVP_CipherUpdate(context, null, &written, null, ciphertext.Length));
                OpenSslProvider.Check(EVP_CipherUpdate(context, null, &written, aad, associatedData.Length));
                authentic = EVP_CipherUpdate(context, target, &written, input == null ? &nothing : input, ciphertext.Length) == 1;
            }
            else
            {
                OpenSslProvider.Check(EVP_CipherUpdate(context, null, &written, aad, associatedData.Length));
                written = 0;
                if (!ciphertext.IsEmpty)
                    OpenSslProvider.Check(EVP_CipherUpdate(context, target, &written, input, ciphertext.Length));
                authentic = EVP_CipherFinal_ex(context, target + written, &written) == 1;
            }
        }

        if (authentic)
            return true;
        ERR_clear_error();
        CryptographicOperations.ZeroMemory(plaintext);
        return false;
    }

    public void Forget(long keyId)
    {
        ref Place place = ref PlaceOf(keyId);
        if (place.KeyId != keyId || !place.HasCipher)
            return;
        byte* zeros = stackalloc byte[CipherSuiteParameters.MaxKeyLength];
        NativeMemory.Clear(zeros, CipherSuiteParameters.MaxKeyLength);
        place.KeyId = 0;
        if (EVP_CipherInit_ex(place.Context, 0, 0, zeros, null, -1) == 1)
            return;
        ERR_clear_error();
        EVP_CIPHER_CTX_free(place.Context);
        place = default;
    }

    private static bool IsCcm(AeadAlgorithm algorithm) => algorithm is AeadAlgorithm.Aes128Ccm or AeadAlgorithm.Aes128Ccm8;

    private ref Place PlaceOf(long keyId)
    {
        if (keyId == AeadKey.SingleUse)
            return ref _singleUse;
        return ref _places[keyId & (Places - 1)];
    }

    private nint Keyed(in AeadKey key, int encrypt)
    {
        ref Place place = ref PlaceOf(key.Id);
        if (place.KeyId == key.Id && key.Id != AeadKey.SingleUse)
            return place.Context;

        // Not valid until the key is in: a failure between must not leave the old number.
        place.KeyId = 0;
        if (place.Context == 0)
            place.Context = OpenSslProvider.Check(EVP_CIPHER_CTX_new());
        if (!place.HasCipher || place.Algorithm != key.Algorithm)
            SetCipher(ref place, key.Algorithm, encrypt);
        fixed (byte* bytes = key.Bytes)
            OpenSslProvider.Check(EVP_CipherInit_ex(place.Context, 0, 0, bytes, null, encrypt));
        place.KeyId = key.Id;
        return place.Context;
    }

    private static void SetCipher(ref Place place, AeadAlgorithm algorithm, int encrypt)
    {
        place.HasCipher = false;
        OpenSslProvider.Check(EVP_CIPHER_CTX_reset(place.Context));
        OpenSslProvider.Check(EVP_CipherInit_ex(place.Context, OpenSslAlgorithms.Cipher(algorithm), 0, null, null, encrypt));
        OpenSslProvider.Check(EVP_CIPHER_CTX_ctrl(place.Context, EVP_CTRL_AEAD_SET_IVLEN, CipherSuiteParameters.NonceLength, null));
        if (IsCcm(algorithm))
            OpenSslProvider.Check(EVP_CIPHER_CTX_ctrl(place.Context, EVP_CTRL_AEAD_SET_TAG, algorithm == AeadAlgorithm.Aes128Ccm8 ? 8 : 16, null));
        place.Algorithm = algorithm;
        place.HasCipher = true;
    }

    private struct Place
    {
        public nint Context;
        public long KeyId;
        public AeadAlgorithm Algorithm;
        public bool HasCipher;
    }
}
