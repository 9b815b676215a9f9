using System.Buffers.Binary;

namespace IotPsk.Keys;

/// <summary>The public area of a key for TPM2_HMAC (TPM 2.0 Part 2, s12.2).</summary>
internal static class HmacPublic
{
    private const int ObjectHeader = 2 + 2 + 2 + 4;

    /// <summary>Refuses what is no HMAC-SHA256 key that a password, or nothing, opens.</summary>
    /// <exception cref="DeviceKeyException">It is something else; the message says what.</exception>
    internal static void Require(ReadOnlySpan<byte> sizedPublic, string where)
    {
        if (sizedPublic.Length < ObjectHeader + 2)
            throw new DeviceKeyException($"{where} is damaged: its public part is too short");
        var key = new TpmPublic(sizedPublic.ToArray());
        if (key.Type != TpmWire.AlgKeyedHash || key.NameAlgorithm != TpmWire.AlgSha256)
            throw new DeviceKeyException($"The key in {where} is {key}, not an HMAC key with name algorithm SHA-256: make one with tpm2_import -G hmac");
        if ((key.Attributes & TpmWire.HmacAttributesMask) != TpmWire.HmacAttributes)
        {
            throw new DeviceKeyException(
                $"The key in {where} has attributes 0x{key.Attributes:x}, with which TPM2_HMAC does not take it: it needs userwithauth and sign, and neither restricted nor decrypt");
        }

        // Without a scheme of its own a key takes the hash that the command names.
        var scheme = Scheme(sizedPublic);
        if (!scheme.StartsWith((ReadOnlySpan<byte>)[0, (byte)TpmWire.AlgNull]) && !scheme.StartsWith((ReadOnlySpan<byte>)[0, (byte)TpmWire.AlgHmac, 0, (byte)TpmWire.AlgSha256]))
            throw new DeviceKeyException($"The key in {where} is no key for HMAC with SHA-256: make one with tpm2_import -G hmac");
    }

    private static ReadOnlySpan<byte> Scheme(ReadOnlySpan<byte> sizedPublic)
    {
        var policy = BinaryPrimitives.ReadUInt16BigEndian(sizedPublic[ObjectHeader..]);
        var at = ObjectHeader + 2 + policy;
        return at < sizedPublic.Length ? sizedPublic[at..] : [];
    }
}
