using System.Buffers.Binary;

namespace IotPsk.Keys;

/// <summary>The public area of a TPM object, as TPM2_ReadPublic returns it.</summary>
public sealed class TpmPublic
{
    private const int UniqueOfTemplate = 4;
    private readonly byte[] _wire;

    internal TpmPublic(byte[] sizedPublic)
    {
        _wire = sizedPublic;
        Name = TpmWire.NameOf(sizedPublic);
        Type = BinaryPrimitives.ReadUInt16BigEndian(sizedPublic.AsSpan(2));
        NameAlgorithm = BinaryPrimitives.ReadUInt16BigEndian(sizedPublic.AsSpan(4));
        Attributes = BinaryPrimitives.ReadUInt32BigEndian(sizedPublic.AsSpan(6));
    }

    /// <summary>The object's name, computed from the public area (SHA-256).</summary>
    public byte[] Name { get; }

    /// <summary>TPM_ALG_ID of the object type: 0x0023 ECC, 0x0008 keyed hash, 0x0001 RSA.</summary>
    public int Type { get; }

    /// <summary>TPM_ALG_ID of the name algorithm; 0x000b SHA-256.</summary>
    public int NameAlgorithm { get; }

    /// <summary>TPMA_OBJECT (TPM 2.0 Part 2, s8.3).</summary>
    public uint Attributes { get; }

    /// <summary>The TPM2B_PUBLIC.</summary>
    internal ReadOnlySpan<byte> Wire => _wire;

    /// <summary>Whether this is the storage root key our template makes.</summary>
    internal bool IsStorageRoot =>
        _wire.AsSpan(2).StartsWith(TpmWire.StorageRootTemplate.AsSpan(2, TpmWire.StorageRootTemplate.Length - 2 - UniqueOfTemplate));

    /// <summary>What kind of object it is, for messages.</summary>
    public override string ToString()
    {
        var type = Type switch
        {
            TpmWire.AlgEcc => "an ECC key",
            TpmWire.AlgRsa => "an RSA key",
            TpmWire.AlgKeyedHash => "an HMAC key or sealed data",
            TpmWire.AlgSymCipher => "a symmetric key",
            _ => $"an object of type 0x{Type:x4}",
        };
        return $"{type} with attributes 0x{Attributes:x}";
    }
}
