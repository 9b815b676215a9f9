namespace IotPsk.Keys;

/// <summary>The steps of a restoration; after each one a new attempt can go on.</summary>
internal enum RestoreStep
{
    Copied,
    Checked,
    OldKept,
    Replaced,
}

/// <summary>
/// Copies of the registry as one file: devices, revocations, epochs, wrapped keys. No plaintext key is in it, and it is good with the TPM that
/// holds the fleet's keys and with no other.
/// </summary>
public static class RegistryBackup
{
    private const string Restoring = "registry.db.restoring";
    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Writes a copy as of one moment, while a gateway goes on working.</summary>
    /// <param name="registry">The registry of a fleet.</param>
    /// <param name="path">The file, which must not exist; mode 0600.</param>
    /// <exception cref="RegistryException">There is no fleet, or the file cannot be written.</exception>
    public static void Write(IRegistry registry, string path)
    {
        ArgumentNullException.ThrowIfNull(registry);
        ArgumentException.ThrowIfNullOrEmpty(path);
        // A gateway that lost its state directory has no part in the fleet until this copy is restored.
        if (registry.Fleet is not { IsHere: false })
            registry.RequireFleet();
        WriteCopy(registry, path);
    }

    /// <summary>
    /// Puts a backup in the place of the registry. The backup is whole and the TPM's keys are its fleet's, or nothing is changed; a registry that
    /// was there stays in the state directory as registry.db.before-restore.
    /// </summary>
    /// <param name="target">Where to. No gateway may be using a file; those of a database go on with what they find there.</param>
    /// <param name="tpm">The fleet's TPM.</param>
    /// <param name="path">The backup, of whatever kind of registry.</param>
    /// <param name="replace">Replace a fleet that is there.</param>
    /// <returns>The fleet, and how many devices it has.</returns>
    /// <exception cref="RegistryException">The backup is damaged, a fleet is there, or the registry is in use.</exception>
    /// <exception cref="TpmException">The TPM is not the fleet's.</exception>
    public static (FleetRecord Fleet, int Devices) Restore(RegistrySource target, EsysTpm tpm, string path, bool replace) => Restore(target, tpm, path, replace, null);

    internal static (FleetRecord Fleet, int Devices) Restore(RegistrySource target, EsysTpm tpm, string path, bool replace, Action<RestoreStep>? after)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(tpm);
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var fleetLock = target.LockFleet();
        if (!replace)
            target.RefuseFleet();
        var restoring = target.State.WithRegistry(Restoring);
        Copy(path, restoring.RegistryPath);
        after?.Invoke(RestoreStep.Copied);
        (FleetRecord Fleet, int Devices) restored;
        try
        {
            restored = Check(restoring, tpm);
        }
        catch (KeysException)
        {
            // Refused: nothing of it stays.
            Remove(restoring.RegistryPath);
            throw;
        }

        after?.Invoke(RestoreStep.Checked);
        target.Install(restoring, after);
        after?.Invoke(RestoreStep.Replaced);
        return restored;
    }

    private static (FleetRecord Fleet, int Devices) Check(StateDirectory restoring, EsysTpm tpm)
    {
        using var copy = SqliteRegistry.Open(restoring);
        tpm.Open();
        Adopt(copy, tpm);
        RetireGone(copy, tpm);
        var fleet = copy.RequireFleet();
        int devices = copy.DeviceCount;
        FleetSelfTest.Run(tpm, fleet);
        RollbackGuard.Accept(copy, tpm);
        copy.VoidSnapshots();
        copy.Seal();
        return (fleet, devices);
    }

    private static void Remove(string registry)
    {
        try
        {
            foreach (var file in (string[])["", "-wal", "-shm"])
                File.Delete(registry + file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next restoration writes over it.
        }
    }

    /// <summary>Where a registry stays that a backup replaced.</summary>
    internal static string BeforeRestore(StateDirectory state) => Path.Combine(state.Path, "registry.db.before-restore");

    internal static void WriteCopy(IRegistry registry, string path)
    {
        var partial = path + ".partial";
        if (Path.Exists(path))
            throw new RegistryException(RegistryFault.Inaccessible, $"{path} exists already: name another file, or remove it");
        try
        {
            // A new file, not where a link that was put there leads. SQLite takes an empty file as it is, with its mode.
            File.Delete(partial);
            using (new FileStream(partial, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OnlyOwner }))
            {
            }

            registry.CopyTo(partial);
            Flush(partial);
            File.Move(partial, path, overwrite: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RegistryException(RegistryFault.Inaccessible, $"Backup {path} cannot be written: {e.Message}", e);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    internal static void Copy(string from, string to)
    {
        try
        {
            File.Delete(to + "-wal");
            File.Delete(to + "-shm");
            using (var source = new FileStream(from, FileMode.Open, FileAccess.Read))
            using (var target = new FileStream(to, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = OnlyOwner }))
            {
                // No backup is empty, but a device without an end is.
                if (source.Length == 0)
                    throw new RegistryException(RegistryFault.Damaged, $"{from} is empty or no file");
                source.CopyTo(target);
                target.Flush(flushToDisk: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RegistryException(RegistryFault.Inaccessible, $"{from} cannot be copied to {to}: {e.Message}", e);
        }
    }

    /// <summary>Finds out which of the backup's gateways this one is: that of its TPM.</summary>
    private static void Adopt(SqliteRegistry copy, EsysTpm tpm)
    {
        var gateways = copy.ReadGateways();
        if (gateways.FirstOrDefault(gateway => tpm.ReadPublic(gateway.Root.Handle) is { } found && found.Name.AsSpan().SequenceEqual(gateway.Root.Name)) is { Id: not null } own)
            copy.BecomeGateway(own.Id);
        else if (copy.Fleet is { Authority: not null } shared)
            FindKeys(copy, shared, tpm);
        else if (gateways.Count > 0)
            // Another TPM, as the self-test will tell.
            copy.BecomeGateway(gateways[0].Id);
    }

    /// <summary>An epoch that ended after the backup was made has no key in the TPM any more; its devices are let in no more.</summary>
    private static void RetireGone(SqliteRegistry copy, EsysTpm tpm)
    {
        var fleet = copy.RequireFleet();
        // Another TPM has none of the keys, as the self-test will tell.
        if (!IsThere(tpm, fleet.StorageRoot))
            return;
        foreach (var epoch in fleet.Epochs.Where(epoch => epoch.IsAccepted && !IsThere(tpm, epoch.Key)).ToArray())
        {
            if (epoch.State == EpochState.Active)
            {
                throw new TpmException(
                    TpmFault.KeyMissing,
                    $"TPM at {tpm.Address}: the key of epoch {epoch.Number}, the newest one of the backup, is not in it any more: the backup was made before that epoch ended " +
                    "and knows none of those after it. Restore a newer backup");
            }

            copy.Fleets.Retire(epoch.Number);
            copy.Fleets.MarkEvicted(epoch.Number);
        }
    }

    private static bool IsThere(EsysTpm tpm, TpmKeyReference key) => tpm.ReadPublic(key.Handle) is { } found && found.Name.AsSpan().SequenceEqual(key.Name);

    /// <summary>The keys of a shared fleet may sit in this TPM too, at other handles and under its own storage root: the partner takes over.</summary>
    private static void FindKeys(SqliteRegistry copy, FleetRecord fleet, EsysTpm tpm)
    {
        var options = new FleetSetupOptions { ServerId = fleet.ServerId };
        var root = tpm.EnsureStorageRoot(options.StorageRootHandle);
        var found = tpm.FindKeys(options.FirstKeyHandle, options.LastKeyHandle);
        copy.MoveTo(root, fleet.Epochs.Where(static epoch => epoch.State is EpochState.Active or EpochState.Overlap).Select(epoch => (epoch.Number, found.FirstOrDefault(key =>
            key.Name.AsSpan().SequenceEqual(epoch.Key.Name)) ?? throw new TpmException(
                TpmFault.KeyMissing, $"TPM at {tpm.Address}: the key of epoch {epoch.Number} of fleet '{fleet.ServerId}' is not in it: take it over first, with 'iotpsk fleet import'"))));
    }

    private static void Flush(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        file.Flush(flushToDisk: true);
    }
}
