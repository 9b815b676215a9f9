using System.Buffers;
using System.Security.Cryptography;
using IotPsk.Tls.Crypto;

namespace IotPsk.Tls.Tls12;

/// <summary>The PRF of TLS 1.2 with SHA-256 (RFC 5246 s5).</summary>
internal static class Prf
{
    private const int MaxStackSeed = 256;

    /// <summary>P_SHA256(secret, label + first + second).</summary>
    public static void Expand(CryptoProvider crypto, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> label, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> destination)
    {
        int length = label.Length + first.Length + second.Length;
        byte[]? rented = length > MaxStackSeed ? ArrayPool<byte>.Shared.Rent(length) : null;
        Span<byte> seed = (rented ?? stackalloc byte[MaxStackSeed])[..length];
        label.CopyTo(seed);
        first.CopyTo(seed[label.Length..]);
        second.CopyTo(seed[(label.Length + first.Length)..]);
        ExpandBlocks(crypto, secret, seed, destination);
        if (rented is not null)
            ArrayPool<byte>.Shared.Return(rented);
    }

    /// <summary>A(0) = seed, A(i) = HMAC(secret, A(i-1)); block i = HMAC(secret, A(i) + seed).</summary>
    private static void ExpandBlocks(CryptoProvider crypto, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> seed, Span<byte> destination)
    {
        const TlsHash Hash = Tls12Suite.Hash;
        Span<byte> chain = stackalloc byte[Hash.Length()];
        Span<byte> block = stackalloc byte[Hash.Length()];
        crypto.Hmac(Hash, secret, seed, default, chain);
        while (true)
        {
            crypto.Hmac(Hash, secret, chain, seed, block);
            int part = Math.Min(block.Length, destination.Length);
            block[..part].CopyTo(destination);
            destination = destination[part..];
            if (destination.IsEmpty)
                break;
            crypto.Hmac(Hash, secret, chain, default, block);
            block.CopyTo(chain);
        }

        CryptographicOperations.ZeroMemory(block);
        CryptographicOperations.ZeroMemory(chain);
    }
}
