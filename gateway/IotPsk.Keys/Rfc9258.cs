using System.Buffers.Binary;
using System.Security.Cryptography;
using IotPsk.Shared;

namespace IotPsk.Keys;

/// <summary>The hash a PSK belongs to (RFC 9258 s4: at most one; RFC 8446 s4.2.11).</summary>
public enum PskHash
{
    /// <summary>SHA-256, the default where none is given (RFC 9258 s5.1).</summary>
    Sha256,

    /// <summary>SHA-384.</summary>
    Sha384,
}

/// <summary>The importer of RFC 9258: an external PSK and an ImportedIdentity make an imported PSK.</summary>
public static class Rfc9258
{
    /// <summary>target_protocol of TLS 1.3.</summary>
    public const int Tls13 = ImportedIdentity.Tls13;

    /// <summary>target_protocol of DTLS 1.3.</summary>
    public const int Dtls13 = ImportedIdentity.Dtls13;

    /// <summary>target_kdf HKDF_SHA256 (RFC 9258 s10).</summary>
    public const int HkdfSha256 = ImportedIdentity.HkdfSha256;

    /// <summary>target_kdf HKDF_SHA384 (RFC 9258 s10).</summary>
    public const int HkdfSha384 = ImportedIdentity.HkdfSha384;

    /// <summary>Longest imported PSK in bytes.</summary>
    public const int MaxKeySize = 48;

    /// <summary>Longest info of the Expand step, in bytes.</summary>
    internal const int MaxInfoSize = 2 + 1 + 32 + 1 + MaxKeySize;

    /// <summary>Shortest serialised ImportedIdentity: a one-byte identity and an empty context (RFC 9258 s5.1).</summary>
    private const int MinIdentitySize = 2 + 1 + 2 + 4;

    private static ReadOnlySpan<byte> Label => "derived psk"u8;

    /// <summary>Length in bytes of the key a target_kdf makes; 0 when the KDF is unknown.</summary>
    public static int KeySize(int targetKdf) => targetKdf switch
    {
        HkdfSha256 => 32,
        HkdfSha384 => 48,
        _ => 0,
    };

    /// <summary>
    /// ipskx = HKDF-Expand-Label(HKDF-Extract(0, epsk), "derived psk", Hash(ImportedIdentity), L). The hash is that of the EPSK, not that of
    /// the target KDF, which only sets the length L; the label prefix is that of the target protocol (RFC 9258 s5.1).
    /// </summary>
    /// <param name="epsk">The external PSK.</param>
    /// <param name="hash">Its hash.</param>
    /// <param name="importedIdentity">The serialised ImportedIdentity; its last four bytes are target_protocol and target_kdf.</param>
    /// <param name="ipsk">The imported PSK: exactly <see cref="KeySize"/> bytes of the identity's target_kdf.</param>
    /// <exception cref="ArgumentException">Unknown target_protocol or target_kdf, or a wrong length.</exception>
    public static void Import(ReadOnlySpan<byte> epsk, PskHash hash, ReadOnlySpan<byte> importedIdentity, Span<byte> ipsk)
    {
        if (importedIdentity.Length < MinIdentitySize)
            throw new ArgumentException("Too short for an ImportedIdentity.", nameof(importedIdentity));
        var length = KeySize(BinaryPrimitives.ReadUInt16BigEndian(importedIdentity[^2..]));
        if (length == 0)
            throw new ArgumentException("Unknown target_kdf.", nameof(importedIdentity));
        if (ipsk.Length != length)
            throw new ArgumentException($"An imported PSK of this target_kdf has {length} bytes.", nameof(ipsk));
        var algorithm = Algorithm(hash);
        Span<byte> epskx = stackalloc byte[MaxKeySize];
        epskx = epskx[..HashSize(hash)];
        try
        {
            Extract(epsk, hash, epskx);
            Span<byte> info = stackalloc byte[MaxInfoSize];
            HKDF.Expand(algorithm, epskx, ipsk, info[..WriteInfo(importedIdentity, hash, info)]);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(epskx);
        }
    }

    /// <summary>epskx = HKDF-Extract(0, epsk) (RFC 9258 s5.1).</summary>
    /// <param name="epsk">The external PSK.</param>
    /// <param name="hash">Its hash.</param>
    /// <param name="epskx">As long as the hash.</param>
    public static void Extract(ReadOnlySpan<byte> epsk, PskHash hash, Span<byte> epskx)
    {
        Span<byte> zeros = stackalloc byte[MaxKeySize];
        zeros.Clear();
        _ = HKDF.Extract(Algorithm(hash), epsk, zeros[..HashSize(hash)], epskx);
    }

    /// <summary>The info of HKDF-Expand-Label(epskx, "derived psk", Hash(ImportedIdentity), L): for whoever has epskx where it cannot be read.</summary>
    /// <returns>Its length, at most <see cref="MaxInfoSize"/>.</returns>
    internal static int WriteInfo(ReadOnlySpan<byte> importedIdentity, PskHash hash, Span<byte> info)
    {
        var targetProtocol = BinaryPrimitives.ReadUInt16BigEndian(importedIdentity[^4..]);
        Span<byte> identityHash = stackalloc byte[MaxKeySize];
        identityHash = identityHash[..HashIdentity(importedIdentity, hash, identityHash)];
        return WriteHkdfLabel(info, Prefix(targetProtocol), identityHash, KeySize(BinaryPrimitives.ReadUInt16BigEndian(importedIdentity[^2..])));
    }

    /// <summary>Hash(ImportedIdentity), with the EPSK's hash (RFC 9258 s5.1).</summary>
    internal static int HashIdentity(ReadOnlySpan<byte> importedIdentity, PskHash hash, Span<byte> target) =>
        CryptographicOperations.HashData(Algorithm(hash), importedIdentity, target);

    private static int HashSize(PskHash hash) => hash == PskHash.Sha384 ? SHA384.HashSizeInBytes : SHA256.HashSizeInBytes;

    private static HashAlgorithmName Algorithm(PskHash hash) => hash == PskHash.Sha384 ? HashAlgorithmName.SHA384 : HashAlgorithmName.SHA256;

    /// <summary>RFC 8446 s7.1; RFC 9147 s5.9 for DTLS 1.3 (no trailing space).</summary>
    private static ReadOnlySpan<byte> Prefix(int targetProtocol) => targetProtocol switch
    {
        Tls13 => "tls13 "u8,
        Dtls13 => "dtls13"u8,
        _ => throw new ArgumentException("Unknown target_protocol.", nameof(targetProtocol)),
    };

    /// <summary>HkdfLabel (RFC 8446 s7.1).</summary>
    private static int WriteHkdfLabel(Span<byte> target, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> context, int length)
    {
        BinaryPrimitives.WriteUInt16BigEndian(target, (ushort)length);
        target[2] = (byte)(prefix.Length + Label.Length);
        prefix.CopyTo(target[3..]);
        Label.CopyTo(target[(3 + prefix.Length)..]);
        var at = 3 + prefix.Length + Label.Length;
        target[at] = (byte)context.Length;
        context.CopyTo(target[(at + 1)..]);
        return at + 1 + context.Length;
    }
}
