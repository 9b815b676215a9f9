using IotPsk.Shared;

namespace IotPsk.Keys;

/// <summary>How a fleet is made.</summary>
public sealed class FleetSetupOptions
{
    /// <summary>The fleet's logical name, equal on every gateway that shares its key: 1 to 64 characters of A-Z a-z 0-9 . _ : -</summary>
    public required string ServerId { get; init; }

    /// <summary>Persistent handle of the storage root key.</summary>
    public uint StorageRootHandle { get; init; } = 0x81000001;

    /// <summary>First persistent handle tried for the fleet key.</summary>
    public uint FirstKeyHandle { get; init; } = 0x81010001;

    /// <summary>Last persistent handle tried for the fleet key.</summary>
    public uint LastKeyHandle { get; init; } = 0x810100ff;
}

/// <summary>The steps of making a fleet key; after each one a new attempt can go on.</summary>
internal enum FleetSetupStep
{
    StorageRootReady,
    KeyCreated,
    KeyWrittenDown,
    KeyPersistent,
    KeyChecked,
}

/// <summary>Makes fleets. Blocking; the TPM must be used by nobody else meanwhile.</summary>
public sealed class FleetSetup
{
    private const uint ResponseHandleTaken = 0x14c;
    private const int MaxHandleAttempts = 8;
    private readonly SqliteRegistry _registry;
    private readonly EsysTpm _tpm;
    private readonly FleetSetupOptions _options;
    private readonly Action<FleetSetupStep>? _after;

    private FleetSetup(SqliteRegistry registry, EsysTpm tpm, FleetSetupOptions options, Action<FleetSetupStep>? after)
    {
        _registry = registry;
        _tpm = tpm;
        _options = options;
        _after = after;
    }

    /// <summary>
    /// Makes a fleet: storage root key, fleet key of epoch 1, registry. An attempt that was interrupted is finished by the next one with the
    /// same server id, with the key that was begun.
    /// </summary>
    /// <exception cref="RegistryException">There is a fleet already, or one begun under another server id.</exception>
    /// <exception cref="TpmException">The TPM failed, or something else sits at the storage root's handle.</exception>
    public static FleetRecord Init(StateDirectory state, EsysTpm tpm, FleetSetupOptions options, TimeProvider? time = null) =>
        Init(state, tpm, options, time ?? TimeProvider.System, null);

    internal static FleetRecord Init(
        StateDirectory state, EsysTpm tpm, FleetSetupOptions options, TimeProvider time, Action<FleetSetupStep>? after)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(tpm);
        ArgumentNullException.ThrowIfNull(options);
        if (!DeviceId.IsValid(options.ServerId))
        {
            throw new RegistryException(
                RegistryFault.InvalidValue, $"'{options.ServerId}' is not a server id: {DeviceId.Rule}");
        }

        using var fleetLock = state.LockFleet();
        using var registry = SqliteRegistry.OpenOrCreate(state, time);
        return new FleetSetup(registry, tpm, options, after).Run();
    }

    private FleetRecord Run()
    {
        if (_registry.Fleet is { } existing)
            RefuseExisting(existing);
        _tpm.Open();
        var fleet = _registry.Fleet ?? Begin();
        Finish(fleet, fleet.Epoch(1)!);
        return _registry.Fleet!;
    }

    private void RefuseExisting(FleetRecord fleet)
    {
        if (fleet.Epochs.Any(static epoch => epoch.State != EpochState.Pending))
        {
            throw new RegistryException(
                RegistryFault.FleetExists,
                $"There is a fleet in {_registry.State.Path} already: '{fleet.ServerId}', made {fleet.CreatedAt:yyyy-MM-dd HH:mm}Z. Nothing was changed. " +
                "Another fleet needs a state directory of its own");
        }

        if (fleet.ServerId != _options.ServerId)
        {
            throw new RegistryException(
                RegistryFault.FleetExists,
                $"The making of fleet '{fleet.ServerId}' in {_registry.State.Path} was interrupted: finish it with --server-id {fleet.ServerId}, " +
                "or use another state directory");
        }
    }

    private FleetRecord Begin()
    {
        var root = _tpm.EnsureStorageRoot(_options.StorageRootHandle);
        _after?.Invoke(FleetSetupStep.StorageRootReady);
        var wrapped = _tpm.CreateFleetKey(root);
        var key = new TpmKeyReference(_tpm.FirstFreeHandle(_options.FirstKeyHandle, _options.LastKeyHandle), wrapped.Name);
        _after?.Invoke(FleetSetupStep.KeyCreated);
        _registry.BeginFleet(_options.ServerId, root, key, wrapped);
        _after?.Invoke(FleetSetupStep.KeyWrittenDown);
        return _registry.Fleet!;
    }

    private void Finish(FleetRecord fleet, EpochRecord pending)
    {
        var root = _tpm.EnsureStorageRoot(fleet.StorageRoot.Handle);
        if (!root.Equals(fleet.StorageRoot))
        {
            throw new TpmException(
                TpmFault.KeyMismatch,
                $"TPM at {_tpm.Address}: the making of fleet '{fleet.ServerId}' was begun on another TPM (its storage root key was " +
                $"{fleet.StorageRoot.NameHex}, here it is {root.NameHex}): go on with that TPM, or use another state directory");
        }

        var key = MakePersistent(root, pending);
        _after?.Invoke(FleetSetupStep.KeyPersistent);
        var answer = FleetSelfTest.Answer(_tpm, fleet.ServerId, key);
        _after?.Invoke(FleetSetupStep.KeyChecked);
        _registry.Activate(pending.Number, answer);
    }

    private TpmKeyReference MakePersistent(TpmKeyReference root, EpochRecord pending)
    {
        var key = pending.Key;
        for (var attempt = 0; ; attempt++)
        {
            var found = _tpm.ReadPublic(key.Handle);
            if (found != null && found.Name.AsSpan().SequenceEqual(key.Name))
                return key;
            if (found != null)
            {
                // Somebody else took the handle since it was chosen.
                key = key with { Handle = _tpm.FirstFreeHandle(_options.FirstKeyHandle, _options.LastKeyHandle) };
                _registry.MovePending(pending.Number, key.Handle);
            }

            try
            {
                _tpm.Persist(root, _registry.ReadPending(pending.Number), key.Handle);
                return key;
            }
            catch (TpmException e) when ((e.ResponseCode & 0xfff) == ResponseHandleTaken && attempt < MaxHandleAttempts)
            {
                // Taken between looking and persisting: look again.
            }
        }
    }
}
