using System.Security.Cryptography;

namespace IotPsk.Tls.Crypto.BaseLibrary;

/// <summary>P-256 alone.</summary>
internal sealed class BaseLibraryKeyAgreement : KeyAgreement
{
    private const byte Uncompressed = 4;
    private const int CoordinateLength = 32;

    private readonly ECDiffieHellman _key;

    public BaseLibraryKeyAgreement(NamedGroup group)
        : base(group)
    {
        if (group != NamedGroup.Secp256r1)
            throw new CryptographicException($"the base library has no group 0x{(ushort)group:x4}");
        _key = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
    }

    public override void WritePublicKey(Span<byte> destination)
    {
        ECPoint point = _key.ExportParameters(includePrivateParameters: false).Q;
        destination[0] = Uncompressed;
        point.X!.CopyTo(destination[1..]);
        point.Y!.CopyTo(destination[(1 + CoordinateLength)..]);
    }

    public override bool TryAgree(ReadOnlySpan<byte> peerPublicKey, Span<byte> secret)
    {
        // RFC 8446 s4.2.8.2: the uncompressed form is the only one.
        if (peerPublicKey.Length != PublicKeyLength(Group) || peerPublicKey[0] != Uncompressed)
            return false;
        using ECDiffieHellman? peer = Import(peerPublicKey);
        if (peer is null)
            return false;
        byte[] raw = _key.DeriveRawSecretAgreement(peer.PublicKey);
        raw.CopyTo(secret);
        CryptographicOperations.ZeroMemory(raw);
        return true;
    }

    public override void Dispose() => _key.Dispose();

    /// <summary>Null for a point that is not on the curve.</summary>
    private static ECDiffieHellman? Import(ReadOnlySpan<byte> point)
    {
        try
        {
            return ECDiffieHellman.Create(new ECParameters
            {
                Curve = ECCurve.NamedCurves.nistP256,
                Q = new ECPoint { X = point.Slice(1, CoordinateLength).ToArray(), Y = point[(1 + CoordinateLength)..].ToArray() },
            });
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
