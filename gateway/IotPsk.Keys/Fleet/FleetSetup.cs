using IotPsk.Shared;

namespace IotPsk.Keys;

/// <summary>How a fleet is made.</summary>
public sealed class FleetSetupOptions
{
    /// <summary>The fleet's logical name, equal on every gateway that shares its key: 1 to 64 characters of A-Z a-z 0-9 . _ : -</summary>
    public required string ServerId { get; init; }

    /// <summary>Makes a shareable fleet: its keys may be copied to the TPMs this authority signs for. Null: they never leave the TPM they are made in.</summary>
    public FleetAuthority? Authority { get; init; }

    /// <summary>Binds the key to this machine's PCRs as they are now; null for none. Not for shareable fleets.</summary>
    public PcrSelection? Pcr { get; init; }

    /// <summary>Persistent handle of the storage root key.</summary>
    public uint StorageRootHandle { get; init; } = 0x81000001;

    /// <summary>First persistent handle tried for the fleet key.</summary>
    public uint FirstKeyHandle { get; init; } = 0x81010001;

    /// <summary>Last persistent handle tried for the fleet key.</summary>
    public uint LastKeyHandle { get; init; } = 0x810100ff;
}

/// <summary>Makes fleets. Blocking; the TPM must be used by nobody else meanwhile.</summary>
public sealed class FleetSetup
{
    private readonly IRegistry _registry;
    private readonly EsysTpm _tpm;
    private readonly FleetSetupOptions _options;
    private readonly EpochSetup _epochs;

    private FleetSetup(IRegistry registry, EsysTpm tpm, FleetSetupOptions options, Action<FleetSetupStep>? after)
    {
        _registry = registry;
        _tpm = tpm;
        _options = options;
        _epochs = new EpochSetup(registry, tpm, options.FirstKeyHandle, options.LastKeyHandle, after);
    }

    /// <summary>
    /// Makes a fleet: storage root key, fleet key of epoch 1, registry. An attempt that was interrupted is finished by the next one with the
    /// same server id, with the key that was begun.
    /// </summary>
    /// <exception cref="RegistryException">There is a fleet already, or one begun under another server id.</exception>
    /// <exception cref="TpmException">The TPM failed, or something else sits at the storage root's handle.</exception>
    public static FleetRecord Init(RegistrySource source, EsysTpm tpm, FleetSetupOptions options, TimeProvider? time = null) =>
        Init(source, tpm, options, time ?? TimeProvider.System, null);

    internal static FleetRecord Init(
        RegistrySource source, EsysTpm tpm, FleetSetupOptions options, TimeProvider time, Action<FleetSetupStep>? after)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(tpm);
        ArgumentNullException.ThrowIfNull(options);
        if (!DeviceId.IsValid(options.ServerId))
        {
            throw new RegistryException(
                RegistryFault.InvalidValue, $"'{options.ServerId}' is not a server id: {DeviceId.Rule}");
        }

        using var fleetLock = source.LockFleet();
        using var registry = source.OpenOrCreate(time);
        return new FleetSetup(registry, tpm, options, after).Run();
    }

    private FleetRecord Run()
    {
        if (_registry.Fleet is { } existing)
            RefuseExisting(existing);
        _tpm.Open();
        var fleet = _registry.Fleet ?? Begin();
        _epochs.Finish(fleet, fleet.Epoch(1)!);
        RollbackGuard.TryPrepare(_registry, _tpm);
        return _registry.Fleet!;
    }

    private void RefuseExisting(FleetRecord fleet)
    {
        if (fleet.Epochs.Any(static epoch => epoch.State != EpochState.Pending))
        {
            throw new RegistryException(
                RegistryFault.FleetExists,
                $"There is a fleet in {_registry.Location} already: '{fleet.ServerId}', made {fleet.CreatedAt:yyyy-MM-dd HH:mm}Z. Nothing was changed. " +
                "Another fleet needs a registry of its own; a further gateway of this one takes its keys over with 'iotpsk fleet import'");
        }

        if (!fleet.IsHere)
        {
            throw new RegistryException(
                RegistryFault.FleetExists,
                $"The making of fleet '{fleet.ServerId}' in {_registry.Location} was begun on another gateway and interrupted: finish it there");
        }

        if (fleet.ServerId != _options.ServerId)
        {
            throw new RegistryException(
                RegistryFault.FleetExists,
                $"The making of fleet '{fleet.ServerId}' in {_registry.Location} was interrupted: finish it with --server-id {fleet.ServerId}, " +
                "or use another state directory");
        }
    }

    private FleetRecord Begin()
    {
        var root = _tpm.EnsureStorageRoot(_options.StorageRootHandle);
        _epochs.Done(FleetSetupStep.StorageRootReady);
        var (key, wrapped) = _epochs.Create(root, _options.Authority, _options.Pcr);
        _registry.Fleets.BeginFleet(_options.ServerId, root, key, wrapped, _options.Authority);
        _epochs.Done(FleetSetupStep.KeyWrittenDown);
        return _registry.Fleet!;
    }
}
