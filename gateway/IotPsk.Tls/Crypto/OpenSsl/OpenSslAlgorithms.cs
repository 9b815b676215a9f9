using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static IotPsk.Tls.Crypto.OpenSsl.LibCrypto;

namespace IotPsk.Tls.Crypto.OpenSsl;

/// <summary>Algorithms fetched once for the life of the process: a fetch per use costs more than a hash.</summary>
internal static unsafe class OpenSslAlgorithms
{
    private static readonly nint Sha256 = OpenSslProvider.Check(EVP_MD_fetch(0, Name("SHA256"u8), null));
    private static readonly nint Sha384 = OpenSslProvider.Check(EVP_MD_fetch(0, Name("SHA384"u8), null));
    private static readonly nint[] Ciphers =
    [
        Cipher("AES-128-GCM"u8),
        Cipher("AES-256-GCM"u8),
        Cipher("ChaCha20-Poly1305"u8),
        Cipher("AES-128-CCM"u8),
        Cipher("AES-128-CCM"u8),
    ];

    public static nint HmacMac { get; } = OpenSslProvider.Check(EVP_MAC_fetch(0, Name("HMAC"u8), null));

    public static nint Digest(TlsHash hash) => hash == TlsHash.Sha256 ? Sha256 : Sha384;

    public static nint Cipher(AeadAlgorithm algorithm) => Ciphers[(int)algorithm];

    /// <summary>A UTF-8 literal as a C string: it lies in the image, does not move and ends in a zero byte.</summary>
    public static byte* Name(ReadOnlySpan<byte> literal) => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(literal));

    private static nint Cipher(ReadOnlySpan<byte> name) => OpenSslProvider.Check(EVP_CIPHER_fetch(0, Name(name), null));
}
