using System.Security.Cryptography;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Schedule;

/// <summary>HKDF-Expand-Label (RFC 8446 s7.1). The prefix is "tls13 ", or "dtls13" without a space (RFC 9147 s5.9).</summary>
internal static class HkdfLabel
{
    /// <summary>Length, prefix with label, context, and the counter of HKDF-Expand.</summary>
    private const int MaxInfoLength = 2 + 1 + 255 + 1 + 255 + 1;

    public static void Expand(
        CryptoProvider crypto, TlsHash hash, bool datagram, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> destination)
    {
        Span<byte> buffer = stackalloc byte[MaxInfoLength];
        var info = new WireWriter(buffer);
        info.WriteUInt16(checked((ushort)destination.Length));
        WireWriter.Mark name = info.BeginVector(1);
        info.WriteBytes(datagram ? "dtls13"u8 : "tls13 "u8);
        info.WriteBytes(label);
        info.EndVector(name);
        info.WriteVector8(context);
        ExpandBlocks(crypto, hash, secret, buffer[..(info.Position + 1)], destination);
    }

    /// <summary>HKDF-Expand (RFC 5869 s2.3): T(i) = HMAC(PRK, T(i-1) | info | i). The last byte of <paramref name="info"/> is the counter's.</summary>
    private static void ExpandBlocks(CryptoProvider crypto, TlsHash hash, ReadOnlySpan<byte> secret, Span<byte> info, Span<byte> destination)
    {
        int blockLength = hash.Length();
        ArgumentOutOfRangeException.ThrowIfGreaterThan(destination.Length, 255 * blockLength);
        Span<byte> block = stackalloc byte[TlsHashes.MaxLength];
        block = block[..blockLength];
        for (byte i = 1; !destination.IsEmpty; i++)
        {
            info[^1] = i;
            crypto.Hmac(hash, secret, i == 1 ? default : block, info, block);
            int part = Math.Min(blockLength, destination.Length);
            block[..part].CopyTo(destination);
            destination = destination[part..];
        }

        CryptographicOperations.ZeroMemory(block);
    }
}
