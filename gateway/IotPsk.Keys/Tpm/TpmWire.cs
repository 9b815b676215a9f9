using System.Buffers.Binary;
using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>TPM 2.0 structures as wire bytes (TPM 2.0 Part 2): big-endian, TPM2B = 16-bit size and bytes.</summary>
internal static class TpmWire
{
    internal const ushort AlgSha256 = 0x000b;
    internal const ushort AlgEcc = 0x0023;
    internal const ushort AlgRsa = 0x0001;
    internal const ushort AlgKeyedHash = 0x0008;
    internal const ushort AlgSymCipher = 0x0025;
    internal const ushort AlgHmac = 0x0005;
    private const ushort AlgAes = 0x0006;
    internal const ushort AlgNull = 0x0010;
    private const ushort AlgCfb = 0x0043;
    private const ushort CurveP256 = 0x0003;

    /// <summary>fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, decrypt.</summary>
    internal const uint StorageRootAttributes = 0x0003_0472;

    /// <summary>fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, sign.</summary>
    internal const uint FleetKeyAttributes = 0x0004_0472;

    /// <summary>fixedTPM, fixedParent, userWithAuth, noDA, sign: its secret was given.</summary>
    internal const uint DeviceKeyAttributes = 0x0004_0452;

    /// <summary>userWithAuth and sign, without which TPM2_HMAC refuses a key; not restricted, not decrypt.</summary>
    internal const uint HmacAttributes = 0x0004_0040, HmacAttributesMask = 0x0007_0040;

    /// <summary>noDA.</summary>
    internal const uint NoDictionaryAttack = 0x0400;

    /// <summary>fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, restricted, decrypt: tpm2_createprimary -G ecc.</summary>
    internal const uint ToolsPrimaryAttributes = 0x0003_0072;

    /// <summary>Where primary keys of tpm2-tools are kept.</summary>
    internal const uint FirstPrimaryHandle = 0x81000002, LastPrimaryHandle = 0x810000ff;

    /// <summary>sensitiveDataOrigin, userWithAuth, noDA, encryptedDuplication, sign: may leave the TPM under its policy, wrapped twice.</summary>
    internal const uint ShareableKeyAttributes = 0x0004_0c60;

    /// <summary>userWithAuth, sign.</summary>
    private const uint VerifierAttributes = 0x0004_0040;

    /// <summary>TPM_ALG_ECDSA.</summary>
    private const ushort AlgEcdsa = 0x0018;

    /// <summary>fixedTPM, fixedParent, sensitiveDataOrigin, noDA, sign: used by its policy alone.</summary>
    internal const uint PcrKeyAttributes = 0x0004_0432;

    /// <summary>TPMT_SYM_DEF: none.</summary>
    internal static ReadOnlySpan<byte> NoCipher => [0, (byte)AlgNull];

    /// <summary>Shareable fleet key: HMAC-SHA256, made inside the TPM, with the policy of its duplication.</summary>
    internal static byte[] ShareableKeyTemplate(byte[] policy) => HmacTemplate(ShareableKeyAttributes, policy);

    /// <summary>Fleet key with a policy of its use: HMAC-SHA256, made inside the TPM.</summary>
    internal static byte[] PcrKeyTemplate(byte[] policy) => HmacTemplate(PcrKeyAttributes, policy);

    /// <summary>TPM2B_PUBLIC of a P-256 key that verifies.</summary>
    internal static byte[] EcdsaPublic(byte[] x, byte[] y) => Sized(
        U16(AlgEcc), U16(AlgSha256), U32(VerifierAttributes), U16(0),
        U16(AlgNull), U16(AlgNull), U16(CurveP256), U16(AlgNull), Sized(x.AsSpan()), Sized(y.AsSpan()));

    /// <summary>TPMT_SIGNATURE: ECDSA with SHA-256.</summary>
    internal static byte[] EcdsaSignature(byte[] r, byte[] s) => [.. U16(AlgEcdsa), .. U16(AlgSha256), .. Sized(r.AsSpan()), .. Sized(s.AsSpan())];

    /// <summary>fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt.</summary>
    private const uint EndorsementAttributes = 0x0003_00b2;

    /// <summary>PolicySecret(TPM_RH_ENDORSEMENT): every endorsement key's policy (TCG EK Credential Profile 2.3, B.2).</summary>
    private static byte[] EndorsementPolicy { get; } =
        SHA256.HashData(SHA256.HashData([.. new byte[SHA256.HashSizeInBytes], .. U32(0x151), .. U32(0x4000_000b)]));

    /// <summary>Template L-2.</summary>
    internal static byte[] EccEndorsementTemplate { get; } = Sized(
        U16(AlgEcc), U16(AlgSha256), U32(EndorsementAttributes), Sized(EndorsementPolicy.AsSpan()),
        U16(AlgAes), U16(128), U16(AlgCfb), U16(AlgNull), U16(CurveP256), U16(AlgNull),
        Sized(new byte[32].AsSpan()), Sized(new byte[32].AsSpan()));

    /// <summary>Template L-1.</summary>
    internal static byte[] RsaEndorsementTemplate(ushort bits) => Sized(
        U16(AlgRsa), U16(AlgSha256), U32(EndorsementAttributes), Sized(EndorsementPolicy.AsSpan()),
        U16(AlgAes), U16(128), U16(AlgCfb), U16(AlgNull), U16(bits), U32(0),
        Sized(new byte[bits / 8].AsSpan()));

    /// <summary>AUTHWRITE, counter, AUTHREAD, NO_DA (TPM 2.0 Part 2, s13.4).</summary>
    private const uint CounterAttributes = 0x0204_0014;

    /// <summary>TPM2B_NV_PUBLIC of a counter.</summary>
    internal static byte[] CounterPublic(uint index, ushort size) => Sized(U32(index), U16(AlgSha256), U32(CounterAttributes), U16(0), U16(size));

    /// <summary>TPM_SE_HMAC.</summary>
    internal const byte SessionHmac = 0;

    /// <summary>TPMT_SYM_DEF: AES-128-CFB.</summary>
    internal static ReadOnlySpan<byte> SessionCipher => [0, (byte)AlgAes, 0, 128, 0, (byte)AlgCfb];

    /// <summary>A TPM2B of nothing.</summary>
    internal static ReadOnlySpan<byte> Empty => [0, 0];

    /// <summary>A TPML with no element.</summary>
    internal static ReadOnlySpan<byte> EmptyList => [0, 0, 0, 0];

    /// <summary>TCG storage root key template: ECC P-256, AES-128-CFB.</summary>
    internal static byte[] StorageRootTemplate { get; } = StorageTemplate(StorageRootAttributes);

    /// <summary>The storage key that tpm2_createprimary -G ecc makes: the same but for noDA, and so another key.</summary>
    internal static byte[] ToolsPrimaryTemplate { get; } = StorageTemplate(ToolsPrimaryAttributes);

    /// <summary>Fleet key: HMAC-SHA256, made inside the TPM.</summary>
    internal static byte[] FleetKeyTemplate { get; } = HmacTemplate(FleetKeyAttributes);

    /// <summary>Key of one device: HMAC-SHA256 with a given secret.</summary>
    internal static byte[] DeviceKeyTemplate { get; } = HmacTemplate(DeviceKeyAttributes);

    /// <summary>TPM2B of these bytes.</summary>
    internal static byte[] Sized(ReadOnlySpan<byte> content)
    {
        var wire = new byte[2 + content.Length];
        BinaryPrimitives.WriteUInt16BigEndian(wire, checked((ushort)content.Length));
        content.CopyTo(wire.AsSpan(2));
        return wire;
    }

    /// <summary>TPM2B_SENSITIVE_CREATE with an authorisation value and the data, which may be empty. Pinned, for the caller to zero.</summary>
    internal static byte[] SensitiveCreate(ReadOnlySpan<byte> auth, ReadOnlySpan<byte> data)
    {
        var wire = GC.AllocateUninitializedArray<byte>(2 + 2 + auth.Length + 2 + data.Length, pinned: true);
        BinaryPrimitives.WriteUInt16BigEndian(wire, checked((ushort)(wire.Length - 2)));
        BinaryPrimitives.WriteUInt16BigEndian(wire.AsSpan(2), (ushort)auth.Length);
        auth.CopyTo(wire.AsSpan(4));
        BinaryPrimitives.WriteUInt16BigEndian(wire.AsSpan(4 + auth.Length), (ushort)data.Length);
        data.CopyTo(wire.AsSpan(6 + auth.Length));
        return wire;
    }

    /// <summary>The name of an object with nameAlg SHA-256 (TPM 2.0 Part 1, s16), from its TPM2B_PUBLIC.</summary>
    internal static byte[] NameOf(ReadOnlySpan<byte> sizedPublic)
    {
        var name = new byte[2 + SHA256.HashSizeInBytes];
        BinaryPrimitives.WriteUInt16BigEndian(name, AlgSha256);
        SHA256.HashData(sizedPublic[2..], name.AsSpan(2));
        return name;
    }

    private static byte[] StorageTemplate(uint attributes) => Sized(
        U16(AlgEcc), U16(AlgSha256), U32(attributes), U16(0),
        U16(AlgAes), U16(128), U16(AlgCfb), U16(AlgNull), U16(CurveP256), U16(AlgNull),
        U16(0), U16(0));

    private static byte[] HmacTemplate(uint attributes, byte[]? policy = null) => Sized(
        U16(AlgKeyedHash), U16(AlgSha256), U32(attributes), Sized((policy ?? []).AsSpan()),
        U16(AlgHmac), U16(AlgSha256), U16(0));

    private static byte[] Sized(params byte[][] parts)
    {
        var content = new List<byte>();
        foreach (var part in parts)
            content.AddRange(part);
        return Sized(content.ToArray().AsSpan());
    }

    private static byte[] U16(ushort value) => [(byte)(value >> 8), (byte)value];

    private static byte[] U32(uint value) => [(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];
}
