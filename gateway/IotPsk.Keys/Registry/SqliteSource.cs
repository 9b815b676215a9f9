namespace IotPsk.Keys;

/// <summary>The file in a state directory.</summary>
internal sealed class SqliteSource(StateDirectory state) : RegistrySource(state)
{
    public override IRegistry Open(TimeProvider? time = null) => SqliteRegistry.Open(State, time);

    public override IRegistry OpenOrCreate(TimeProvider? time = null) => SqliteRegistry.OpenOrCreate(State, time);

    internal override IDisposable LockFleet() => State.LockFleet();

    internal override void RefuseFleet()
    {
        if (!File.Exists(State.RegistryPath))
            return;
        try
        {
            using var existing = SqliteRegistry.Open(State);
            RefuseFleet(existing);
        }
        catch (RegistryException e) when (e.Fault == RegistryFault.Damaged)
        {
            throw new RegistryException(RegistryFault.Damaged, $"The registry in {State.Path} is damaged: put the backup in its place with --replace", e);
        }
    }

    internal override void Install(StateDirectory copy, Action<RestoreStep>? after)
    {
        using (var alone = SqliteRegistry.Open(copy))
        {
            alone.ForgetOthers();
            alone.Seal();
        }

        KeepOld();
        after?.Invoke(RestoreStep.OldKept);
        File.Move(copy.RegistryPath, State.RegistryPath, overwrite: true);
    }

    /// <summary>A copy of what is there, if a registry of ours is; refused while somebody uses it.</summary>
    private void KeepOld()
    {
        if (!File.Exists(State.RegistryPath))
            return;
        try
        {
            using var old = SqliteRegistry.Open(State);
            old.Seal();
        }
        catch (RegistryException e) when (e.Fault == RegistryFault.Damaged)
        {
            // What is broken is kept as it is; its journal would only be taken for the new one's.
            File.Delete(State.RegistryPath + "-wal");
            File.Delete(State.RegistryPath + "-shm");
        }

        RegistryBackup.Copy(State.RegistryPath, RegistryBackup.BeforeRestore(State));
    }
}
