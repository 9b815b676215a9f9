namespace IotPsk.Keys;

/// <summary>How a fleet gets its next key.</summary>
public sealed class FleetRotationOptions
{
    /// <summary>The keys up to now are known to somebody else: noted in the registry, and no device is given its new key over the network on the strength of them.</summary>
    public bool Compromised { get; init; }

    /// <summary>Binds the new key to other PCRs than the active one; see <see cref="KeepsPcr"/>.</summary>
    public PcrSelection? Pcr { get; init; }

    /// <summary>The new key is bound to the PCRs that the active one is bound to, with the values they have now; <see cref="Pcr"/> is not looked at.</summary>
    public bool KeepsPcr { get; init; } = true;

    /// <summary>First persistent handle tried for the new key.</summary>
    public uint FirstKeyHandle { get; init; } = 0x81010001;

    /// <summary>Last persistent handle tried for the new key.</summary>
    public uint LastKeyHandle { get; init; } = 0x810100ff;
}

/// <summary>What a rotation did.</summary>
/// <param name="Fleet">The fleet as it is now.</param>
/// <param name="Finished">A rotation that had been interrupted was finished, and none begun.</param>
public sealed record FleetRotationResult(FleetRecord Fleet, bool Finished);

/// <summary>The steps of retiring a fleet key; after each one a new attempt can go on.</summary>
internal enum FleetRetirementStep
{
    Refused,
    Evicted,
}

/// <summary>
/// Next fleet keys, and the end of old ones. Blocking; the TPM may be used by a running gateway meanwhile, which sees each change in the registry.
/// </summary>
public static class FleetRotation
{
    /// <summary>
    /// Makes the key of the next epoch, from which credentials are made from now on; the one before is accepted until it is retired. A rotation
    /// that was interrupted is finished with the key that was begun.
    /// </summary>
    /// <exception cref="RegistryException">There is no fleet.</exception>
    /// <exception cref="TpmException">The TPM failed, or is another one.</exception>
    public static FleetRotationResult Rotate(RegistrySource source, EsysTpm tpm, FleetRotationOptions options, TimeProvider? time = null) =>
        Rotate(source, tpm, options, time ?? TimeProvider.System, null);

    /// <summary>
    /// Ends the overlap of an epoch: its devices are refused at once, its key goes from the TPM. One that was interrupted is finished; again is harmless.
    /// </summary>
    /// <param name="source">Where the registry is.</param>
    /// <param name="tpm">The fleet's TPM.</param>
    /// <param name="epoch">Number of the epoch, which must not be the active one.</param>
    /// <param name="refused">Called when the registry refuses the epoch and its key is still in the TPM: time to tell a running gateway.</param>
    /// <param name="time">The clock.</param>
    /// <returns>The fleet as it is now, and whether the epoch was accepted before.</returns>
    /// <exception cref="RegistryException">There is no such epoch, or it is the active or a pending one.</exception>
    /// <exception cref="TpmException">The key could not be removed from the TPM; the epoch is refused all the same.</exception>
    public static (FleetRecord Fleet, bool Changed) Retire(RegistrySource source, EsysTpm tpm, int epoch, Action? refused = null, TimeProvider? time = null) =>
        Retire(source, tpm, epoch, time ?? TimeProvider.System, step =>
        {
            if (step == FleetRetirementStep.Refused)
                refused?.Invoke();
        });

    internal static FleetRotationResult Rotate(
        RegistrySource source, EsysTpm tpm, FleetRotationOptions options, TimeProvider time, Action<FleetSetupStep>? after)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(tpm);
        ArgumentNullException.ThrowIfNull(options);
        using var fleetLock = source.LockFleet();
        using var registry = source.Open(time);
        var fleet = registry.RequireFleet();
        var epochs = new EpochSetup(registry, tpm, options.FirstKeyHandle, options.LastKeyHandle, after);
        tpm.Open();
        // Never beside a TPM that is not the fleet's: the epochs of a fleet stay together.
        FleetSelfTest.Identify(tpm, fleet);
        var begun = Pending(fleet);
        if (begun is { Key.Handle: 0 })
        {
            throw new RegistryException(
                RegistryFault.WrongEpoch,
                $"Epoch {begun.Number} of fleet '{fleet.ServerId}' was begun on another gateway: finish it there with 'iotpsk fleet rotate', or, if that gateway is lost, " +
                $"give it up with 'iotpsk fleet retire {begun.Number}'");
        }

        if (begun == null)
            Begin(registry, epochs, options);
        else if (options.Compromised)
            registry.Fleets.MarkCompromised(begun.Number);
        try
        {
            epochs.Finish(registry.Fleet!, Pending(registry.Fleet!)!);
        }
        catch (TpmException e) when (e.Fault == TpmFault.PcrChanged && begun != null)
        {
            // Begun while the machine was started otherwise: as it is now, that key can be of no use.
            tpm.Remove(Pending(registry.Fleet!)!.Key);
            registry.Fleets.GiveUp(begun.Number);
            begun = null;
            Begin(registry, epochs, options);
            epochs.Finish(registry.Fleet!, Pending(registry.Fleet!)!);
        }

        RollbackGuard.TryPrepare(registry, tpm);
        return new FleetRotationResult(registry.Fleet!, begun != null);
    }

    internal static (FleetRecord Fleet, bool Changed) Retire(
        RegistrySource source, EsysTpm tpm, int epoch, TimeProvider time, Action<FleetRetirementStep>? after)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(tpm);
        using var fleetLock = source.LockFleet();
        using var registry = source.Open(time);
        var fleet = registry.RequireFleet();
        if (fleet.Epoch(epoch) is { State: EpochState.Pending, Key.Handle: 0 })
        {
            // Begun on a gateway that is lost: no device has a key of it.
            registry.Fleets.GiveUp(epoch);
            return (registry.Fleet!, false);
        }

        var record = Retirable(fleet, epoch);
        if (record.State == EpochState.Overlap)
            registry.Fleets.Retire(epoch);
        after?.Invoke(FleetRetirementStep.Refused);
        if (record is { EvictedAt: null, Key.Handle: not 0 })
        {
            tpm.Open();
            // A missing key could be that of another TPM: only the fleet's own tells that it is gone.
            FleetSelfTest.Identify(tpm, registry.Fleet!);
            tpm.Remove(record.Key);
            after?.Invoke(FleetRetirementStep.Evicted);
            registry.Fleets.MarkEvicted(epoch);
        }

        return (registry.Fleet!, record.State == EpochState.Overlap);
    }

    private static void Begin(IRegistry registry, EpochSetup epochs, FleetRotationOptions options)
    {
        var fleet = registry.Fleet!;
        var (key, wrapped) = epochs.Create(fleet.StorageRoot, fleet.Authority, options.KeepsPcr ? fleet.ActiveEpoch?.Key.Pcr : options.Pcr);
        registry.Fleets.BeginEpoch(fleet.Epochs[^1].Number + 1, key, wrapped, options.Compromised);
        epochs.Done(FleetSetupStep.KeyWrittenDown);
    }

    private static EpochRecord? Pending(FleetRecord fleet) => fleet.Epochs.FirstOrDefault(static epoch => epoch.State == EpochState.Pending);

    private static EpochRecord Retirable(FleetRecord fleet, int epoch) => fleet.Epoch(epoch) switch
    {
        { State: EpochState.Overlap or EpochState.Retired } record => record,
        { State: EpochState.Active } => throw new RegistryException(
            RegistryFault.WrongEpoch, $"Epoch {epoch} of fleet '{fleet.ServerId}' is the active one: make the next one first, with 'iotpsk fleet rotate'"),
        { } => throw new RegistryException(
            RegistryFault.WrongEpoch, $"Epoch {epoch} of fleet '{fleet.ServerId}' is still being made: finish it with 'iotpsk fleet rotate'"),
        null => throw new RegistryException(
            RegistryFault.WrongEpoch, $"Fleet '{fleet.ServerId}' has no epoch {epoch}: see 'iotpsk fleet status'"),
    };
}
