using System.Buffers.Binary;
using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>
/// The endorsement keys that vendors certify (TCG EK Credential Profile 2.3, s2.2.1.4 and B.3.3, B.3.4): made again from the TPM's endorsement
/// seed whenever they are needed, the same each time.
/// </summary>
internal sealed class EndorsementTemplate
{
    private const ushort RsaBits = 2048;
    private readonly int _fixedSize;

    private EndorsementTemplate(string name, uint certificateIndex, byte[] wire, int uniqueSize)
    {
        (Name, CertificateIndex, Wire, _fixedSize) = (name, certificateIndex, wire, wire.Length - uniqueSize);
    }

    /// <summary>The kinds that are looked for, the preferred one first.</summary>
    internal static IReadOnlyList<EndorsementTemplate> All { get; } =
    [
        new("ECC P-256", 0x01c0000a, TpmWire.EccEndorsementTemplate, 2 * (2 + 32)),
        new("RSA 2048", 0x01c00002, TpmWire.RsaEndorsementTemplate(RsaBits), 2 + (RsaBits / 8)),
    ];

    /// <summary>The kind of key, for messages.</summary>
    internal string Name { get; }

    /// <summary>NV index of its certificate.</summary>
    internal uint CertificateIndex { get; }

    /// <summary>TPM2B_PUBLIC of the template.</summary>
    internal byte[] Wire { get; }

    /// <summary>The template of a public area: equal but for the key itself. Null when it is no endorsement key.</summary>
    internal static EndorsementTemplate? Of(byte[] sizedPublic) =>
        All.FirstOrDefault(template => sizedPublic.Length == template.Wire.Length && sizedPublic.AsSpan().StartsWith(template.Wire.AsSpan(0, template._fixedSize)));

    /// <summary>The key in a public area as the bit string of X.509's subjectPublicKey: RSAPublicKey (RFC 8017 s A.1.1) or a point (RFC 5480 s2.2).</summary>
    internal byte[] SubjectPublicKey(byte[] sizedPublic)
    {
        ReadOnlySpan<byte> unique = sizedPublic.AsSpan(_fixedSize);
        var first = Take(ref unique);
        if (!unique.IsEmpty)
            return [4, .. first, .. Take(ref unique)];
        using var rsa = RSA.Create(new RSAParameters { Modulus = first, Exponent = [1, 0, 1] });
        return rsa.ExportRSAPublicKey();
    }

    private static byte[] Take(ref ReadOnlySpan<byte> wire)
    {
        var size = BinaryPrimitives.ReadUInt16BigEndian(wire);
        var content = wire.Slice(2, size).ToArray();
        wire = wire[(2 + size)..];
        return content;
    }
}

/// <summary>A TPM's endorsement key and what its vendor says about it.</summary>
/// <param name="Public">TPM2B_PUBLIC.</param>
/// <param name="Certificate">X.509, DER.</param>
internal sealed record Endorsement(byte[] Public, byte[] Certificate);
