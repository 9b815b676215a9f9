namespace IotPsk.Keys;

/// <summary>Bounds of a <see cref="KeyService"/>.</summary>
public sealed class KeyServiceOptions
{
    /// <summary>Keys of proved peers kept at most; should be at least enrolled devices x accepted epochs x uses.</summary>
    public int CacheCapacity { get; init; } = 262_144;

    /// <summary>Keys of unproved peers kept at most.</summary>
    public int ProbationCapacity { get; init; } = 1_024;

    /// <summary>Derivations per second for one device whose peers prove nothing.</summary>
    public double DeviceRate { get; init; } = 1;

    /// <summary>Derivations for one device at once.</summary>
    public double DeviceBurst { get; init; } = 3;

    /// <summary>Session mode: calls per second for one device by peers elsewhere than where the device proved its key last, all of them together.</summary>
    public double StrangerRate { get; init; } = 8;

    /// <summary>Session mode: such calls for one device at once.</summary>
    public double StrangerBurst { get; init; } = 16;

    /// <summary>Derivations per second for the unproved peers of one source prefix.</summary>
    public double PrefixRate { get; init; } = 50;

    /// <summary>Derivations for one source prefix at once.</summary>
    public double PrefixBurst { get; init; } = 500;

    /// <summary>Devices and prefixes whose rate is followed at once, each.</summary>
    public int BucketCapacity { get; init; } = 65_536;

    /// <summary>How often at most peers that fail to prove a key have the TPM tested.</summary>
    public TimeSpan DoubtInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Requests that may wait for one derivation.</summary>
    public int MaxWaiters { get; init; } = 1_024;
}
