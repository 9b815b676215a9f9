using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace IotPsk.Keys;

/// <summary>A fleet's keys on their way to one other TPM, as a JSON file. Nobody but that TPM can use them.</summary>
internal sealed record FleetExport
{
    private const int Format = 2;

    internal required string ServerId { get; init; }

    internal required byte[] Authority { get; init; }

    /// <summary>Name of the storage key it is for.</summary>
    internal required byte[] Parent { get; init; }

    internal required IReadOnlyList<Epoch> Epochs { get; init; }

    /// <summary>
    /// HMAC(FK(e), "iotpsk export" 00 digest 01) of each epoch in it: who has one of the keys already knows by it that the others come from a gateway
    /// that had it too. Everybody could wrap a key for that TPM.
    /// </summary>
    internal IReadOnlyDictionary<int, byte[]> Proofs { get; init; } = new Dictionary<int, byte[]>();

    /// <summary>SHA-256 of all but the proofs, 64 hexadecimal digits.</summary>
    internal string Digest => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Content().ToJsonString())));

    internal string Write()
    {
        var root = Content();
        root["proofs"] = new JsonObject(Proofs.Select(static proof => KeyValuePair.Create<string, JsonNode?>(
            proof.Key.ToString(CultureInfo.InvariantCulture), Convert.ToBase64String(proof.Value))));
        return root.ToJsonString(new JsonSerializerOptions { WriteIndented = true });
    }

    private JsonObject Content() => new()
    {
        ["iotpskFleetExport"] = Format,
        ["serverId"] = ServerId,
        ["authority"] = Convert.ToBase64String(Authority),
        ["parent"] = Convert.ToHexStringLower(Parent),
        ["epochs"] = new JsonArray([.. Epochs.Select(epoch => (JsonNode)new JsonObject
        {
            ["epoch"] = epoch.Number,
            ["compromised"] = epoch.Compromised,
            ["public"] = Convert.ToBase64String(epoch.Key.Public),
            ["duplicate"] = Convert.ToBase64String(epoch.Key.Duplicate),
            ["seed"] = Convert.ToBase64String(epoch.Key.Seed),
            ["innerKey"] = Convert.ToBase64String(epoch.Key.InnerKey),
            ["checkValue"] = Convert.ToBase64String(epoch.CheckValue),
        })]),
    };

    /// <exception cref="DeviceKeyException">It is none.</exception>
    internal static FleetExport Read(string json, string where)
    {
        try
        {
            var root = JsonNode.Parse(json)!.AsObject();
            if ((int)root["iotpskFleetExport"]! != Format)
                throw new FormatException("it is of another version");
            return new FleetExport
            {
                ServerId = (string)root["serverId"]!,
                Authority = Bytes(root, "authority"),
                Parent = Convert.FromHexString((string)root["parent"]!),
                Epochs = [.. root["epochs"]!.AsArray().Select(node => ReadEpoch(node!.AsObject())).OrderBy(epoch => epoch.Number)],
                Proofs = root["proofs"]!.AsObject().ToDictionary(static proof => int.Parse(proof.Key, CultureInfo.InvariantCulture), static proof => Convert.FromBase64String((string)proof.Value!)),
            };
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or NullReferenceException or ArgumentException or OverflowException)
        {
            throw new DeviceKeyException($"{where} is damaged, or no file of iotpsk fleet export-to ({e.Message})", e);
        }
    }

    private static Epoch ReadEpoch(JsonObject node) => new(
        (int)node["epoch"]! is > 0 and <= Shared.ExternalIdentity.MaxEpoch and var number ? number : throw new FormatException("an epoch is no number"),
        (bool)node["compromised"]!,
        new DuplicatedKey(Sized(node, "public"), Sized(node, "duplicate"), Sized(node, "seed"), Sized(node, "innerKey")),
        Bytes(node, "checkValue"));

    private static byte[] Bytes(JsonObject node, string name) => Convert.FromBase64String((string)node[name]!);

    /// <summary>A TPM2B: its first two bytes are its size.</summary>
    internal static byte[] Sized(JsonObject node, string name) =>
        Bytes(node, name) is { Length: > 2 and < 4096 } bytes && ((bytes[0] << 8) | bytes[1]) == bytes.Length - 2
            ? bytes
            : throw new FormatException($"{name} has another length than it says");

    internal sealed record Epoch(int Number, bool Compromised, DuplicatedKey Key, byte[] CheckValue);
}
