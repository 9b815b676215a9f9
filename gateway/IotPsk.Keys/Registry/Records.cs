namespace IotPsk.Keys;

/// <summary>Where a device's key comes from.</summary>
public enum DeviceMode
{
    /// <summary>Derived from the fleet key.</summary>
    Derived = 0,

    /// <summary>An HMAC key of its own in the TPM.</summary>
    Resident = 1,

    /// <summary>A key of its own in the TPM that makes a PSK per session.</summary>
    Session = 2,
}

/// <summary>An enrolled device.</summary>
/// <param name="Id">Device id.</param>
/// <param name="Mode">Where its key comes from.</param>
/// <param name="EnrolledAt">When it was enrolled.</param>
/// <param name="RevokedAt">When it was revoked; null when it is not.</param>
/// <param name="Generation">1 at enrolment, raised by each revocation and reinstatement; tickets of an older one are void.</param>
public sealed record DeviceRecord(string Id, DeviceMode Mode, DateTimeOffset EnrolledAt, DateTimeOffset? RevokedAt, long Generation)
{
    /// <summary>Whether the device is revoked.</summary>
    public bool IsRevoked => RevokedAt != null;

    /// <summary>Epoch of the key it proved last; 0 when it never connected.</summary>
    public int LastEpoch { get; init; }

    /// <summary>When a gateway last handed it the key of a newer epoch; null when none did.</summary>
    public DateTimeOffset? RekeyedAt { get; init; }
}

/// <summary>The key of one resident or session device, as the registry holds it: useless without its TPM.</summary>
/// <param name="Id">Device id.</param>
/// <param name="Mode">Resident: the key is epskx of RFC 9258 s5.1. Session: the key is K, which makes a PSK per session.</param>
/// <param name="Pem">TSS2 PRIVATE KEY, under a persistent storage parent.</param>
/// <param name="ParentName">TPM name of the parent.</param>
/// <param name="Randoms">Session: how many bytes of each random count, 32 or 28. Resident: 32.</param>
public sealed record DeviceKeyRecord(string Id, DeviceMode Mode, string Pem, byte[] ParentName, int Randoms)
{
    /// <summary>Whether it lies under this gateway's TPM: a device with a key of its own is served by the gateway that enrolled it, and by no other.</summary>
    public bool IsHere { get; init; } = true;

    /// <summary>The key for the TPM.</summary>
    /// <exception cref="DeviceKeyException">The registry's PEM is damaged.</exception>
    public TpmWrappedKey Unwrap()
    {
        var key = Tss2PrivateKey.Read(Pem, $"the registry's key of device '{Id}'");
        return new TpmWrappedKey(new TpmKeyReference(key.Parent, ParentName), key.Private, key.Public);
    }
}

/// <summary>Life of a fleet key.</summary>
public enum EpochState
{
    /// <summary>Being made; not usable.</summary>
    Pending = 0,

    /// <summary>The newest one: credentials are made from it.</summary>
    Active = 1,

    /// <summary>An older one, still accepted.</summary>
    Overlap = 2,

    /// <summary>Accepted no more.</summary>
    Retired = 3,
}

/// <summary>One fleet key.</summary>
/// <param name="Number">1, 2, ...</param>
/// <param name="State">Life.</param>
/// <param name="Key">Where it sits in the TPM, and its name.</param>
/// <param name="CheckValue">HMAC(FK, "iotpsk check" 00 server id 01): shows at each opening that key and TPM still give the same answers. Empty while pending.</param>
/// <param name="CreatedAt">When it was made.</param>
public sealed record EpochRecord(int Number, EpochState State, TpmKeyReference Key, byte[] CheckValue, DateTimeOffset CreatedAt)
{
    /// <summary>Whether the key is in this gateway's TPM: another gateway of the fleet may have made it, and this one may not have taken it over yet.</summary>
    public bool IsHere { get; init; } = true;

    /// <summary>Whether devices of this epoch are let in here.</summary>
    public bool IsAccepted => IsHere && State is (EpochState.Active or EpochState.Overlap);

    /// <summary>When a rotation said that this key is known to somebody else; null when none did.</summary>
    public DateTimeOffset? CompromisedAt { get; init; }

    /// <summary>Since when it is accepted no more; null while it is.</summary>
    public DateTimeOffset? RetiredAt { get; init; }

    /// <summary>When a retired key was found gone from the TPM; null while it may still be there.</summary>
    public DateTimeOffset? EvictedAt { get; init; }
}

/// <summary>A fleet: its logical name and its keys.</summary>
public sealed class FleetRecord
{
    private readonly EpochRecord[] _epochs;

    internal FleetRecord(string serverId, TpmKeyReference storageRoot, DateTimeOffset createdAt, IEnumerable<EpochRecord> epochs)
    {
        ServerId = serverId;
        StorageRoot = storageRoot;
        CreatedAt = createdAt;
        _epochs = epochs.OrderBy(static epoch => epoch.Number).ToArray();
        var active = Array.Find(_epochs, static epoch => epoch.State == EpochState.Active);
        ActiveEpoch = active is null or { IsHere: true } ? active : Array.FindLast(_epochs, static epoch => epoch.IsAccepted);
    }

    /// <summary>The logical name of every gateway that shares the fleet key; part of each imported identity.</summary>
    public string ServerId { get; }

    /// <summary>The storage root key that this gateway's copies of the fleet keys lie under; handle 0 while it has none.</summary>
    public TpmKeyReference StorageRoot { get; }

    /// <summary>Whether this gateway has part in the fleet: its TPM holds keys of it, or is about to.</summary>
    public bool IsHere => StorageRoot.Handle != 0;

    /// <summary>The storage root of a gateway that has no part in the fleet.</summary>
    internal static TpmKeyReference NotHere { get; } = new(0, []);

    /// <summary>When it was made.</summary>
    public DateTimeOffset CreatedAt { get; }

    /// <summary>Who decides which other TPM may have its keys; null when none may.</summary>
    public FleetAuthority? Authority { get; init; }

    /// <summary>All epochs, oldest first.</summary>
    public IReadOnlyList<EpochRecord> Epochs => _epochs;

    /// <summary>The epoch new credentials are made from, or, while its key is not here, the newest whose key is; null while none is.</summary>
    public EpochRecord? ActiveEpoch { get; }

    /// <summary>Epochs that other gateways of the fleet let in, and this one cannot: their keys are not in its TPM.</summary>
    public IEnumerable<EpochRecord> MissingEpochs => _epochs.Where(static epoch => epoch is { IsHere: false, State: EpochState.Active or EpochState.Overlap });

    /// <summary>The epoch of this number, or null.</summary>
    public EpochRecord? Epoch(int number)
    {
        foreach (var epoch in _epochs)
        {
            if (epoch.Number == number)
                return epoch;
        }

        return null;
    }
}
