namespace IotPsk.Keys;

/// <summary>
/// Notices a registry that was put back to an older state, which would let revoked devices in again: each change that shuts somebody out raises a
/// counter in the TPM, and the registry knows the value it must have. Changes made while no gateway runs count when the next one starts.
/// </summary>
public sealed class RollbackGuard
{
    private readonly IRegistry _registry;

    /// <summary>A guard of a registry.</summary>
    public RollbackGuard(IRegistry registry)
    {
        ArgumentNullException.ThrowIfNull(registry);
        _registry = registry;
    }

    /// <summary>Whether the fleet has a counter.</summary>
    public bool IsPrepared => _registry.Rollback.ReadRollbackMark() is { Index: not 0, Value: > 0 };

    /// <summary>Gives a fleet its counter, unless it has one. To be called under the fleet's lock.</summary>
    internal static void Prepare(IRegistry registry, EsysTpm tpm)
    {
        var mark = registry.Rollback.ReadRollbackMark();
        if (mark is { Index: not 0, Value: > 0 })
            return;
        if (mark.Index == 0)
            registry.Rollback.WriteRollbackMark(mark = new RollbackMark(tpm.FirstFreeCounter(), 0, RollbackState.Settled));
        tpm.EnsureCounter(mark.Index);
        registry.Rollback.WriteRollbackMark(mark with { Value = tpm.ReadCounter(mark.Index) });
    }

    /// <summary>The same; a TPM that has no room for a counter leaves the fleet without one.</summary>
    internal static void TryPrepare(IRegistry registry, EsysTpm tpm)
    {
        try
        {
            Prepare(registry, tpm);
        }
        catch (TpmException)
        {
            // Fleet status tells it; the next rotation tries again.
        }
    }

    /// <summary>Takes the registry as it is: a backup was put back on purpose.</summary>
    internal static void Accept(IRegistry registry, EsysTpm tpm)
    {
        var mark = registry.Rollback.ReadRollbackMark();
        if (mark.Index != 0)
            registry.Rollback.WriteRollbackMark(mark with { Value = tpm.ReadCounter(mark.Index), State = RollbackState.Settled });
    }

    /// <summary>Compares counter and registry. For a job of the TPM's owner.</summary>
    /// <exception cref="RegistryException">The registry is older than the counter.</exception>
    /// <exception cref="TpmException">The counter cannot be read.</exception>
    public void Check(ITpm tpm)
    {
        ArgumentNullException.ThrowIfNull(tpm);
        if (_registry.Rollback.ReadRollbackMark() is not { Index: not 0, Value: > 0 } mark)
            return;
        var counter = tpm.ReadCounter(mark.Index);
        if (counter == mark.Value || (counter == mark.Value - 1 && mark.State is RollbackState.Announced or RollbackState.AnnouncedAndChanged))
            return;
        throw new RegistryException(
            RegistryFault.RolledBack,
            $"Registry {_registry.Location} is older than the TPM at {tpm.Address} remembers (counter {counter}, here {mark.Value}): it was put back to a former state, " +
            "and devices that were revoked since would be let in. Restore the newest backup, or go on with this one, revocations checked, by: iotpsk backup FILE and iotpsk restore FILE --replace");
    }

    /// <summary>Raises the counter if something was shut out since; otherwise costs nothing. For a job of the TPM's owner.</summary>
    /// <returns>False when another process is at it: try again later.</returns>
    /// <exception cref="TpmException">The counter cannot be raised; the next call tries again.</exception>
    public bool Sync(ITpm tpm)
    {
        ArgumentNullException.ThrowIfNull(tpm);
        if (_registry.Rollback.ReadRollbackMark() is not { Index: not 0, Value: > 0, State: not RollbackState.Settled })
            return true;
        try
        {
            using var one = _registry.State.LockCounter();
            while (Announce() is { } mark)
            {
                Raise(tpm, mark);
                _registry.Rollback.SettleIncrement(mark.Value);
            }

            return true;
        }
        catch (RegistryException e) when (e.Fault == RegistryFault.Busy)
        {
            return false;
        }
    }

    /// <summary>The same for whoever serves: the TPM's owner never waits for the registry.</summary>
    /// <returns>False when another process is at it: try again later.</returns>
    /// <exception cref="TpmException">The counter cannot be raised; the next call tries again.</exception>
    /// <exception cref="RegistryException">The registry cannot be read or written.</exception>
    public async Task<bool> SyncAsync(TpmOwner tpm)
    {
        ArgumentNullException.ThrowIfNull(tpm);
        if (_registry.Rollback.ReadRollbackMark() is not { Index: not 0, Value: > 0, State: not RollbackState.Settled })
            return true;
        try
        {
            using var one = _registry.State.LockCounter();
            while (Announce() is { } mark)
            {
                await tpm.InvokeAsync(chip =>
                {
                    Raise(chip, mark);
                    return true;
                }).ConfigureAwait(false);
                _registry.Rollback.SettleIncrement(mark.Value);
            }

            return true;
        }
        catch (RegistryException e) when (e.Fault == RegistryFault.Busy)
        {
            return false;
        }
    }

    private RollbackMark? Announce()
    {
        _registry.Rollback.AnnounceIncrement();
        var mark = _registry.Rollback.ReadRollbackMark();
        return mark.State == RollbackState.Settled ? null : mark;
    }

    // Announced and raised already, when only the last word was lost.
    private static void Raise(ITpm tpm, RollbackMark mark)
    {
        if (tpm.ReadCounter(mark.Index) < mark.Value)
            tpm.IncrementCounter(mark.Index);
    }
}

/// <summary>How far the counter follows the registry.</summary>
internal enum RollbackState
{
    Settled = 0,
    Changed = 1,
    Announced = 2,
    AnnouncedAndChanged = 3,
}

/// <summary>What the registry knows of the counter.</summary>
/// <param name="Index">NV index; 0 when there is none.</param>
/// <param name="Value">The value it has, or gets next; 0 while it is being made.</param>
/// <param name="State">How far.</param>
internal readonly record struct RollbackMark(uint Index, ulong Value, RollbackState State);
