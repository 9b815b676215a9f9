using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>
/// A key wrapped by a TPM as a file: "TSS2 PRIVATE KEY" in PEM, as tpm2-tools and the OpenSSL engines write it. Keys under a policy or with
/// an import secret are refused.
/// </summary>
/// <param name="Parent">Persistent handle of the storage parent, or <see cref="OwnerHierarchy"/> for a primary key of the owner hierarchy, of which the file does not say which.</param>
/// <param name="Public">TPM2B_PUBLIC.</param>
/// <param name="Private">TPM2B_PRIVATE: good in the TPM that wrapped it and nowhere else.</param>
/// <param name="EmptyAuth">Whether the key has no authorisation value; null when the file does not say. tpm2-tools write it wrongly, so nothing rests on it.</param>
public sealed record Tss2PrivateKey(uint Parent, byte[] Public, byte[] Private, bool? EmptyAuth)
{
    /// <summary>Parent of a key that lies under a primary key made on the spot.</summary>
    public const uint OwnerHierarchy = 0x40000001;

    private const string Label = "TSS2 PRIVATE KEY";
    private const string LoadableKey = "2.23.133.10.1.3";
    private const int MaxBlob = 4096;
    private const int MaxFile = 16 * 1024;
    private static readonly Asn1Tag EmptyAuthTag = new(TagClass.ContextSpecific, 0, isConstructed: true);

    /// <summary>Reads a PEM.</summary>
    /// <param name="pem">The file's text.</param>
    /// <param name="where">The file's name, for messages.</param>
    /// <exception cref="DeviceKeyException">It is none, or has parts that are not supported.</exception>
    public static Tss2PrivateKey Read(string pem, string where)
    {
        ArgumentNullException.ThrowIfNull(pem);
        try
        {
            if (pem.Length > MaxFile || !PemEncoding.TryFind(pem, out var fields) || pem[fields.Label] != Label)
                throw new DeviceKeyException($"{where} is no {Label} file: tpm2_encodeobject and the OpenSSL TPM engines write one");
            var der = new byte[fields.DecodedDataLength];
            if (!Convert.TryFromBase64Chars(pem.AsSpan()[fields.Base64Data], der, out var length))
                throw new AsnContentException();
            return Decode(der.AsMemory(0, length), where);
        }
        catch (AsnContentException e)
        {
            throw new DeviceKeyException($"{where} is damaged: it is marked as {Label}, but does not hold one", e);
        }
    }

    /// <summary>The PEM, as tpm2-tools write it.</summary>
    public string Write()
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(LoadableKey);
            if (EmptyAuth is { } empty)
            {
                using (writer.PushSequence(EmptyAuthTag))
                    writer.WriteBoolean(empty);
            }

            writer.WriteInteger(Parent);
            writer.WriteOctetString(Public);
            writer.WriteOctetString(Private);
        }

        return PemEncoding.WriteString(Label, writer.Encode()) + "\n";
    }

    private static Tss2PrivateKey Decode(ReadOnlyMemory<byte> der, string where)
    {
        var outer = new AsnReader(der, AsnEncodingRules.BER);
        var fields = outer.ReadSequence();
        outer.ThrowIfNotEmpty();
        var type = fields.ReadObjectIdentifier();
        if (type != LoadableKey)
            throw new DeviceKeyException($"{where} holds an object of type {type}, not a loadable key ({LoadableKey}): wrap the key for this TPM first, with tpm2_import");
        bool? emptyAuth = null;
        if (fields.HasData && fields.PeekTag().HasSameClassAndValue(EmptyAuthTag))
        {
            var inner = fields.ReadSequence(EmptyAuthTag);
            emptyAuth = inner.ReadBoolean();
            inner.ThrowIfNotEmpty();
        }

        if (fields.HasData && fields.PeekTag() is { TagClass: TagClass.ContextSpecific } tag)
        {
            var what = tag.TagValue switch
            {
                1 or 3 => "stands under a policy",
                2 => "is still to be imported",
                _ => $"has a part [{tag.TagValue}] that is not known",
            };
            throw new DeviceKeyException($"The key in {where} {what}, which is not supported: make one that needs at most a password");
        }

        var parent = fields.ReadInteger();
        var key = new Tss2PrivateKey(Handle(parent, where), Blob(fields, where), Blob(fields, where), emptyAuth);
        fields.ThrowIfNotEmpty();
        return key;
    }

    // Handles have 32 bits; some writers let the highest one become a sign.
    private static uint Handle(BigInteger value, string where) =>
        value >= int.MinValue && value <= uint.MaxValue
            ? (uint)(long)value
            : throw new DeviceKeyException($"{where} is damaged: {value} is no handle of a TPM");

    /// <summary>A TPM2B: its first two bytes are its size.</summary>
    private static byte[] Blob(AsnReader fields, string where)
    {
        var blob = fields.ReadOctetString();
        return blob.Length is > 2 and <= MaxBlob && ((blob[0] << 8) | blob[1]) == blob.Length - 2
            ? blob
            : throw new DeviceKeyException($"{where} is damaged: a part of it has another length than it says");
    }
}
