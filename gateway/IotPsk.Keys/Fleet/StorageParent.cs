using System.Text.Json;
using System.Text.Json.Nodes;

namespace IotPsk.Keys;

/// <summary>A storage key of another TPM, as that gateway showed it, and what proves that it is in a TPM.</summary>
public sealed class StorageParent
{
    private const int Format = 1;

    private StorageParent(byte[] sizedPublic, Endorsement? endorsement)
    {
        Wire = sizedPublic;
        Name = TpmWire.NameOf(sizedPublic);
        Endorsement = endorsement;
    }

    /// <summary>What an operator compares: the digest in the key's name, hexadecimal.</summary>
    public string Fingerprint => Convert.ToHexStringLower(Name.AsSpan(2));

    /// <summary>What the fleet's authority signs to let this TPM have the keys, 32 bytes.</summary>
    public byte[] Policy => FleetAuthority.DuplicationPolicy(Name);

    /// <summary>Whether the TPM brought a certificate of its endorsement key.</summary>
    public bool HasCertificate => Endorsement != null;

    internal byte[] Name { get; }

    internal byte[] Wire { get; }

    internal Endorsement? Endorsement { get; }

    /// <summary>The storage root of a TPM, made if nothing is there, with the TPM's endorsement certificate if it has one.</summary>
    /// <exception cref="TpmException">The TPM failed, or something else sits at the handle.</exception>
    public static StorageParent Of(EsysTpm tpm, uint handle = 0x81000001)
    {
        ArgumentNullException.ThrowIfNull(tpm);
        tpm.Open();
        tpm.EnsureStorageRoot(handle);
        return new StorageParent(tpm.ReadPublic(handle)!.Wire.ToArray(), tpm.ReadEndorsement());
    }

    /// <summary>Reads what <see cref="Write"/> gave, or tpm2_readpublic -o.</summary>
    /// <exception cref="DeviceKeyException">No storage key of the expected kind.</exception>
    public static StorageParent Read(byte[] content, string where)
    {
        ArgumentNullException.ThrowIfNull(content);
        if (content.AsSpan().StartsWith("{"u8))
            return ReadJson(content, where);
        return IsStorageRoot(content) ? new StorageParent(content, null) : throw NoStorageKey(where);
    }

    /// <summary>The key and the certificate as a file for the other gateway; there is no secret in it.</summary>
    public string Write()
    {
        var root = new JsonObject { ["iotpskStorageKey"] = Format, ["public"] = Convert.ToBase64String(Wire) };
        if (Endorsement is { } endorsement)
        {
            root["endorsementPublic"] = Convert.ToBase64String(endorsement.Public);
            root["endorsementCertificate"] = Convert.ToBase64String(endorsement.Certificate);
        }

        return root.ToJsonString(new JsonSerializerOptions { WriteIndented = true });
    }

    private static StorageParent ReadJson(byte[] content, string where)
    {
        try
        {
            var root = JsonNode.Parse(content)!.AsObject();
            var storage = Convert.FromBase64String((string)root["public"]!);
            if ((int)root["iotpskStorageKey"]! != Format || !IsStorageRoot(storage))
                throw NoStorageKey(where);
            return new StorageParent(storage, root.ContainsKey("endorsementCertificate")
                ? new Endorsement(Convert.FromBase64String((string)root["endorsementPublic"]!), Convert.FromBase64String((string)root["endorsementCertificate"]!))
                : null);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or NullReferenceException or ArgumentException)
        {
            throw NoStorageKey(where, e);
        }
    }

    private static bool IsStorageRoot(byte[] wire) =>
        wire.Length > 12 && ((wire[0] << 8) | wire[1]) == wire.Length - 2 && new TpmPublic(wire).IsStorageRoot;

    private static DeviceKeyException NoStorageKey(string where, Exception? inner = null) =>
        new($"{where} is no storage key of a TPM: iotpsk fleet srk-public writes one on the other gateway", inner);
}
