using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace IotPsk.Keys;

/// <summary>
/// How another gateway's storage key is known to be in a TPM: the vendor's certificate says that the endorsement key is one, and only the TPM
/// with both keys opens what was made for them (TPM2_MakeCredential, TPM2_ActivateCredential). What was asked, and what was answered, stands in
/// the state directory, a file per storage key. Blocking.
/// </summary>
public sealed class PartnerChallenge
{
    private const int Format = 1, SecretSize = 32;
    private const UnixFileMode OnlyOwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly StorageParent _parent;
    private readonly string _path;

    /// <summary>The challenge of one storage key.</summary>
    /// <param name="state">Where this gateway's registry is.</param>
    /// <param name="parent">The other TPM's storage key.</param>
    public PartnerChallenge(StateDirectory state, StorageParent parent)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(parent);
        _parent = parent;
        _path = Path.Combine(state.Path, $"partner-{parent.Fingerprint}.json");
    }

    /// <summary>Whether the storage key was proved; who certified the TPM, or null.</summary>
    public string? ProvedBy => Load() is { } record && record["provedAt"] != null ? (string?)record["certifiedBy"] : null;

    /// <summary>Checks the certificate and makes a challenge, which voids an earlier one.</summary>
    /// <param name="tpm">A TPM, which does the work; any will do.</param>
    /// <param name="trusted">Whose certificates count.</param>
    /// <param name="where">The storage key's file, for messages.</param>
    /// <param name="time">The clock.</param>
    /// <returns>The challenge for the other gateway, and who certified its TPM.</returns>
    /// <exception cref="DeviceKeyException">There is no certificate, or it is not good.</exception>
    /// <exception cref="TpmException">The TPM failed.</exception>
    public (string Challenge, string CertifiedBy) Ask(EsysTpm tpm, EndorsementChain trusted, string where, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(tpm);
        ArgumentNullException.ThrowIfNull(trusted);
        var now = (time ?? TimeProvider.System).GetUtcNow();
        if (_parent.Endorsement is not { } endorsement)
            throw new DeviceKeyException($"{where} comes without an endorsement certificate: that TPM has none. Compare its fingerprint instead (--fingerprint)");
        var certifiedBy = trusted.Verify(endorsement, now, where);
        Span<byte> secret = stackalloc byte[SecretSize];
        RandomNumberGenerator.Fill(secret);
        tpm.Open();
        var (blob, seed) = tpm.MakeCredential(endorsement.Public, _parent.Name, secret);
        Save(new JsonObject
        {
            ["asked"] = Convert.ToHexStringLower(SHA256.HashData(secret)),
            ["askedAt"] = now.ToString("O"),
            ["certifiedBy"] = certifiedBy,
        });
        CryptographicOperations.ZeroMemory(secret);
        return (new JsonObject
        {
            ["iotpskChallenge"] = Format,
            ["storageKey"] = _parent.Fingerprint,
            ["endorsementPublic"] = Convert.ToBase64String(endorsement.Public),
            ["credential"] = Convert.ToBase64String(blob),
            ["secret"] = Convert.ToBase64String(seed),
        }.ToJsonString(new JsonSerializerOptions { WriteIndented = true }), certifiedBy);
    }

    /// <summary>Answers a challenge, on the gateway whose TPM is asked.</summary>
    /// <param name="tpm">That TPM.</param>
    /// <param name="challenge">What <see cref="Ask"/> gave.</param>
    /// <param name="where">Its file, for messages.</param>
    /// <param name="handle">Handle of the storage root.</param>
    /// <returns>The answer for the gateway that asked.</returns>
    /// <exception cref="DeviceKeyException">It is no challenge.</exception>
    /// <exception cref="TpmException">It is for another TPM or storage key.</exception>
    public static string Answer(EsysTpm tpm, string challenge, string where, uint handle = 0x81000001)
    {
        ArgumentNullException.ThrowIfNull(tpm);
        ArgumentNullException.ThrowIfNull(challenge);
        var (storageKey, endorsement, blob, seed) = ReadChallenge(challenge, where);
        tpm.Open();
        var root = tpm.EnsureStorageRoot(handle);
        var fingerprint = Convert.ToHexStringLower(root.Name.AsSpan(2));
        if (fingerprint != storageKey)
            throw new TpmException(TpmFault.KeyMismatch, $"{where} asks for the storage key {storageKey}; that of the TPM at {tpm.Address} is {fingerprint}: take it to the gateway it is for");
        return new JsonObject
        {
            ["iotpskAnswer"] = Format,
            ["storageKey"] = storageKey,
            ["value"] = Convert.ToHexStringLower(tpm.ActivateCredential(root, endorsement, blob, seed)),
        }.ToJsonString(new JsonSerializerOptions { WriteIndented = true });
    }

    /// <summary>Takes the answer, once: the storage key is then known to be in the TPM that was certified.</summary>
    /// <param name="answer">What <see cref="Answer"/> gave.</param>
    /// <param name="where">Its file, for messages.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="DeviceKeyException">It is no answer to what was asked last of this storage key, or it was taken already.</exception>
    public void Prove(string answer, string where, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(answer);
        var (storageKey, value) = ReadAnswer(answer, where);
        if (storageKey != _parent.Fingerprint)
            throw new DeviceKeyException($"{where} speaks for the storage key {storageKey}, not for {_parent.Fingerprint}");
        var record = Load() ?? throw new DeviceKeyException($"The storage key {_parent.Fingerprint} was asked nothing by this gateway: begin with iotpsk fleet export-to and --ek-ca");
        if (record["provedAt"] != null)
            throw new DeviceKeyException($"{where} was taken already, and an answer counts once: go on without --answer, or ask anew with --ek-ca");
        if (!CryptographicOperations.FixedTimeEquals(SHA256.HashData(value), Convert.FromHexString((string)record["asked"]!)))
            throw new DeviceKeyException($"{where} does not answer what was asked last: it belongs to an earlier challenge, or was changed on its way. Ask anew with --ek-ca");
        record.Remove("asked");
        record["provedAt"] = (time ?? TimeProvider.System).GetUtcNow().ToString("O");
        Save(record);
    }

    private static (string StorageKey, byte[] Endorsement, byte[] Blob, byte[] Seed) ReadChallenge(string json, string where) => Parse(json, where, "challenge of iotpsk fleet export-to", root =>
    {
        if ((int)root["iotpskChallenge"]! != Format)
            throw new FormatException("it is of another version");
        return ((string)root["storageKey"]!, Sized(root, "endorsementPublic"), Sized(root, "credential"), Sized(root, "secret"));
    });

    private static (string StorageKey, byte[] Value) ReadAnswer(string json, string where) => Parse(json, where, "answer of iotpsk fleet answer", root =>
    {
        if ((int)root["iotpskAnswer"]! != Format)
            throw new FormatException("it is of another version");
        return ((string)root["storageKey"]!, Convert.FromHexString((string)root["value"]!));
    });

    private static T Parse<T>(string json, string where, string kind, Func<JsonObject, T> read)
    {
        try
        {
            return read(JsonNode.Parse(json)!.AsObject());
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or NullReferenceException or ArgumentException)
        {
            throw new DeviceKeyException($"{where} is damaged, or no {kind} ({e.Message})", e);
        }
    }

    private static byte[] Sized(JsonObject node, string name) => FleetExport.Sized(node, name);

    private JsonObject? Load()
    {
        if (!File.Exists(_path))
            return null;
        return Parse(File.ReadAllText(_path), _path, "record of a partner, which may be removed", static root => root);
    }

    private void Save(JsonObject record)
    {
        var partial = _path + ".partial";
        File.Delete(partial);
        using (var file = new FileStream(partial, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OnlyOwnerFile }))
        {
            file.Write(JsonSerializer.SerializeToUtf8Bytes(record));
            file.Flush(flushToDisk: true);
        }

        File.Move(partial, _path, overwrite: true);
    }
}
