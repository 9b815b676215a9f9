namespace IotPsk.Keys;

/// <summary>The registry of a fleet: its devices, and what the gateways themselves keep in it. Opened by a <see cref="RegistrySource"/>.</summary>
public interface IRegistry : IDeviceRegistry
{
    /// <summary>Where it is, for messages.</summary>
    string Location { get; }

    /// <summary>This gateway's own files.</summary>
    StateDirectory State { get; }

    /// <summary>Why the last look for changes failed; null when it did not. Lookups keep what was seen last.</summary>
    string? PollProblem { get; }

    /// <summary><see cref="PollProblem"/> began or ended. On the thread that looks for changes.</summary>
    event Action<string?>? PollProblemChanged;

    /// <summary>Whether it lies elsewhere, for several gateways: each of them serves on with what it knows while the registry is away.</summary>
    bool IsShared { get; }

    /// <summary>There is another ticket key than before. On the thread that noticed.</summary>
    event Action? TicketKeysChanged;

    /// <summary>Looks one device up in the registry itself, without reading all of them into memory; null when it is not enrolled.</summary>
    /// <exception cref="RegistryException">The registry cannot be read.</exception>
    DeviceRecord? Find(string id);

    /// <summary>Devices that are not revoked, by the epoch of the key they proved last; 0 for those that never connected.</summary>
    /// <exception cref="RegistryException">The registry cannot be read.</exception>
    IReadOnlyDictionary<int, int> CountByEpoch();

    /// <summary>Announces a snapshot of a listener's associations that is about to be written; every earlier one of the listener is void.</summary>
    /// <param name="listener">The listener's name.</param>
    /// <param name="epoch">The epoch whose fleet key seals it.</param>
    /// <returns>The number it is to be written with.</returns>
    /// <exception cref="RegistryException">The registry cannot be written.</exception>
    long AnnounceSnapshot(string listener, int epoch);

    /// <summary>
    /// Gives the number of the listener's snapshot, the first time it is asked for; null ever after, and if none was announced. The snapshot is to be
    /// used only when <see cref="RollbackGuard.Sync"/> has had the TPM remember this: then a copy of the whole state directory is worth nothing either.
    /// </summary>
    /// <exception cref="RegistryException">The registry cannot be written: then the snapshot must not be used.</exception>
    SnapshotRecord? TakeSnapshot(string listener);

    /// <summary>The fleet's life.</summary>
    internal IFleetStore Fleets { get; }

    /// <summary>The keys of session tickets.</summary>
    internal ITicketKeyStore TicketKeys { get; }

    /// <summary>What this gateway's TPM must remember.</summary>
    internal IRollbackStore Rollback { get; }

    /// <summary>Copies the registry as of one moment into an empty file.</summary>
    internal void CopyTo(string path);
}
