using static IotPsk.Tls.Crypto.OpenSsl.LibCrypto;

namespace IotPsk.Tls.Crypto.OpenSsl;

/// <summary>The contexts one thread reuses. They go when the thread is gone and this object is collected.</summary>
internal sealed unsafe class OpenSslThread
{
    [ThreadStatic]
    private static OpenSslThread? t_current;

    private readonly nint _macSha256;
    private readonly nint _macSha384;
    private readonly nint _keyGenerationP256;
    private readonly nint _keyGenerationX25519;
    private bool _keyInSha256;
    private bool _keyInSha384;

    private OpenSslThread()
    {
        ScratchDigest = OpenSslProvider.Check(EVP_MD_CTX_new());
        _macSha256 = NewMac("SHA256"u8);
        _macSha384 = NewMac("SHA384"u8);
        _keyGenerationP256 = NewKeyGeneration("EC"u8, "P-256"u8);
        _keyGenerationX25519 = NewKeyGeneration("X25519"u8, default);
        Aead = new OpenSslAeadCache();
    }

    ~OpenSslThread()
    {
        EVP_MD_CTX_free(ScratchDigest);
        EVP_MAC_CTX_free(_macSha256);
        EVP_MAC_CTX_free(_macSha384);
        EVP_PKEY_CTX_free(_keyGenerationP256);
        EVP_PKEY_CTX_free(_keyGenerationX25519);
    }

    public static OpenSslThread Current => t_current ??= new OpenSslThread();

    public nint ScratchDigest { get; }

    public OpenSslAeadCache Aead { get; }

    public nint Mac(TlsHash hash)
    {
        if (hash == TlsHash.Sha256)
        {
            _keyInSha256 = true;
            return _macSha256;
        }

        _keyInSha384 = true;
        return _macSha384;
    }

    /// <summary>A MAC context keeps its last key: gives it a public one.</summary>
    public void Wipe()
    {
        Wipe(_macSha256, ref _keyInSha256);
        Wipe(_macSha384, ref _keyInSha384);
    }

    public nint KeyGeneration(NamedGroup group) => group == NamedGroup.Secp256r1 ? _keyGenerationP256 : _keyGenerationX25519;

    private static void Wipe(nint context, ref bool hasKey)
    {
        if (!hasKey)
            return;
        hasKey = false;
        if (EVP_MAC_init(context, OpenSslAlgorithms.Name("no key"u8), 6, null) != 1)
            ERR_clear_error();
    }

    private static nint NewMac(ReadOnlySpan<byte> digest)
    {
        nint context = OpenSslProvider.Check(EVP_MAC_CTX_new(OpenSslAlgorithms.HmacMac));
        OsslParam* parameters = stackalloc OsslParam[2];
        parameters[0] = new OsslParam
        {
            Key = OpenSslAlgorithms.Name("digest"u8),
            DataType = OsslParam.Utf8String,
            Data = OpenSslAlgorithms.Name(digest),
            DataSize = (nuint)digest.Length,
            ReturnSize = OsslParam.Unmodified,
        };
        parameters[1] = default;
        OpenSslProvider.Check(EVP_MAC_CTX_set_params(context, parameters));
        return context;
    }

    private static nint NewKeyGeneration(ReadOnlySpan<byte> algorithm, ReadOnlySpan<byte> group)
    {
        nint context = OpenSslProvider.Check(EVP_PKEY_CTX_new_from_name(0, OpenSslAlgorithms.Name(algorithm), null));
        OpenSslProvider.Check(EVP_PKEY_keygen_init(context));
        if (!group.IsEmpty)
            OpenSslProvider.Check(EVP_PKEY_CTX_set_group_name(context, OpenSslAlgorithms.Name(group)));
        return context;
    }
}
