using System.Buffers.Binary;
using System.Formats.Asn1;
using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>
/// Who decides which TPM may have a copy of a shareable fleet key: an ECDSA P-256 key that is kept off the gateways. It signs the policy
/// "duplicate to this parent alone", once for each new parent; the TPM checks that (TPM 2.0 Part 3, s23.16 and s23.15).
/// </summary>
public sealed class FleetAuthority
{
    private const int Coordinate = 32;
    private const uint PolicyAuthorizeCode = 0x16a, PolicyDuplicationSelectCode = 0x188;
    private static readonly byte[] NoPolicy = new byte[SHA256.HashSizeInBytes];

    private FleetAuthority(byte[] subjectPublicKeyInfo, ECParameters key)
    {
        SubjectPublicKeyInfo = subjectPublicKeyInfo;
        Public = TpmWire.EcdsaPublic(key.Q.X!, key.Q.Y!);
        Name = TpmWire.NameOf(Public);
        // PolicyUpdate (TPM 2.0 Part 3, s23.2.3): the command and the signer's name, then the reference, which is empty.
        Policy = SHA256.HashData(SHA256.HashData([.. NoPolicy, .. Code(PolicyAuthorizeCode), .. Name]));
    }

    /// <summary>The key, DER.</summary>
    public byte[] SubjectPublicKeyInfo { get; }

    /// <summary>authPolicy of the keys it decides about.</summary>
    internal byte[] Policy { get; }

    /// <summary>TPM2B_PUBLIC.</summary>
    internal byte[] Public { get; }

    /// <summary>The key's name in a TPM.</summary>
    internal byte[] Name { get; }

    /// <summary>Reads a public key in PEM, as openssl ec -pubout writes it.</summary>
    /// <param name="pem">The text.</param>
    /// <param name="where">The file's name, for messages.</param>
    /// <exception cref="DeviceKeyException">No P-256 public key.</exception>
    public static FleetAuthority FromPem(string pem, string where)
    {
        ArgumentNullException.ThrowIfNull(pem);
        if (pem.Contains("PRIVATE KEY", StringComparison.Ordinal))
            throw new DeviceKeyException($"{where} holds the authority's private key, which has no business on a gateway: bring its public half, openssl ec -in KEY -pubout");
        if (!PemEncoding.TryFind(pem, out var fields) || pem[fields.Label] != "PUBLIC KEY")
            throw new DeviceKeyException($"{where} is no public key in PEM: openssl ec -in KEY -pubout writes one");
        return FromDer(Convert.FromBase64String(pem[fields.Base64Data]), where);
    }

    internal static FleetAuthority FromDer(byte[] subjectPublicKeyInfo, string where)
    {
        try
        {
            using var key = ECDsa.Create();
            key.ImportSubjectPublicKeyInfo(subjectPublicKeyInfo, out _);
            var parameters = key.ExportParameters(includePrivateParameters: false);
            if (parameters.Curve.Oid.Value == ECCurve.NamedCurves.nistP256.Oid.Value)
                return new FleetAuthority(subjectPublicKeyInfo, parameters);
        }
        catch (CryptographicException e)
        {
            throw new DeviceKeyException($"The authority's key in {where} cannot be read: {e.Message}", e);
        }

        throw new DeviceKeyException($"The authority's key in {where} is not on curve P-256: make one with openssl ecparam -name prime256v1 -genkey");
    }

    /// <summary>What the authority signs to let a parent have the fleet's keys, with ECDSA and SHA-256: 32 bytes.</summary>
    /// <param name="parentName">TPM name of the other TPM's storage key.</param>
    public static byte[] DuplicationPolicy(ReadOnlySpan<byte> parentName) =>
        SHA256.HashData([.. NoPolicy, .. Code(PolicyDuplicationSelectCode), .. parentName, 0]);

    /// <summary>An ECDSA signature in DER as TPMT_SIGNATURE.</summary>
    /// <exception cref="DeviceKeyException">It is none.</exception>
    internal static byte[] SignatureOf(byte[] der, string where)
    {
        try
        {
            var outer = new AsnReader(der, AsnEncodingRules.DER);
            var parts = outer.ReadSequence();
            byte[] r = Fixed(parts.ReadIntegerBytes().Span), s = Fixed(parts.ReadIntegerBytes().Span);
            parts.ThrowIfNotEmpty();
            outer.ThrowIfNotEmpty();
            return TpmWire.EcdsaSignature(r, s);
        }
        catch (Exception e) when (e is AsnContentException or ArgumentException)
        {
            throw new DeviceKeyException($"{where} is no ECDSA signature: openssl dgst -sha256 -sign KEY -out {where} writes one", e);
        }
    }

    private static byte[] Fixed(ReadOnlySpan<byte> integer)
    {
        integer = integer.TrimStart((byte)0);
        var bytes = new byte[Coordinate];
        integer.CopyTo(bytes.AsSpan(Coordinate - integer.Length));
        return bytes;
    }

    private static byte[] Code(uint command)
    {
        var bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, command);
        return bytes;
    }
}
