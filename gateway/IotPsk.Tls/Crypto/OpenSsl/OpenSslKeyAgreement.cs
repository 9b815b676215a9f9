using System.Security.Cryptography;
using static IotPsk.Tls.Crypto.OpenSsl.LibCrypto;

namespace IotPsk.Tls.Crypto.OpenSsl;

internal sealed unsafe class OpenSslKeyAgreement : KeyAgreement
{
    private nint _key;

    public OpenSslKeyAgreement(NamedGroup group)
        : base(group)
    {
        nint key = 0;
        OpenSslProvider.Check(EVP_PKEY_generate(OpenSslThread.Current.KeyGeneration(group), &key));
        _key = key;
    }

    ~OpenSslKeyAgreement() => Free();

    public override void WritePublicKey(Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(_key == 0, this);
        nuint written;
        fixed (byte* output = destination[..PublicKeyLength(Group)])
            OpenSslProvider.Check(EVP_PKEY_get_octet_string_param(_key, OpenSslAlgorithms.Name("encoded-pub-key"u8), output, (nuint)destination.Length, &written));
    }

    public override bool TryAgree(ReadOnlySpan<byte> peerPublicKey, Span<byte> secret)
    {
        ObjectDisposedException.ThrowIf(_key == 0, this);

        // RFC 8446 s4.2.8.2: the uncompressed form is the only one; X25519 shares have one length.
        if (peerPublicKey.Length != PublicKeyLength(Group) || (Group == NamedGroup.Secp256r1 && peerPublicKey[0] != 4))
            return false;

        nint peer = OpenSslProvider.Check(EVP_PKEY_new());
        try
        {
            OpenSslProvider.Check(EVP_PKEY_copy_parameters(peer, _key));
            int valid;
            fixed (byte* bytes = peerPublicKey)
                valid = EVP_PKEY_set1_encoded_public_key(peer, bytes, (nuint)peerPublicKey.Length);
            if (valid == 1)
                return TryDerive(peer, secret);
            ERR_clear_error();
            return false;
        }
        finally
        {
            EVP_PKEY_free(peer);
        }
    }

    public override void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private bool TryDerive(nint peer, Span<byte> secret)
    {
        nint context = OpenSslProvider.Check(EVP_PKEY_CTX_new_from_pkey(0, _key, null));
        try
        {
            OpenSslProvider.Check(EVP_PKEY_derive_init(context));

            // Decoding proved the point to be on the curve, and P-256 has cofactor 1: a full check would cost another multiplication.
            OpenSslProvider.Check(EVP_PKEY_derive_set_peer_ex(context, peer, 0));
            nuint length = SecretLength;
            int derived;
            fixed (byte* output = secret[..SecretLength])
                derived = EVP_PKEY_derive(context, output, &length);
            if (derived == 1 && length == SecretLength)
                return true;

            // X25519 of a low-order point (RFC 7748 s6.1): libcrypto refuses the all-zero secret.
            ERR_clear_error();
            CryptographicOperations.ZeroMemory(secret);
            return false;
        }
        finally
        {
            EVP_PKEY_CTX_free(context);
        }
    }

    private void Free()
    {
        if (_key == 0)
            return;
        EVP_PKEY_free(_key);
        _key = 0;
    }
}
