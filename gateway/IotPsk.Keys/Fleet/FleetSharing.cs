using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>
/// One fleet on several gateways: its keys go from TPM to TPM, wrapped for the one that its authority signed for, and pass through no memory
/// in clear. Blocking.
/// </summary>
public static class FleetSharing
{
    /// <summary>Duplicates every accepted key for another TPM.</summary>
    /// <param name="source">Where the registry is.</param>
    /// <param name="tpm">The fleet's TPM.</param>
    /// <param name="parent">The other TPM's storage key; whoever calls has compared its fingerprint.</param>
    /// <param name="signature">The authority's ECDSA signature over <see cref="StorageParent.Policy"/>, DER.</param>
    /// <param name="where">The signature's file, for messages.</param>
    /// <returns>The export, for the import over there.</returns>
    /// <exception cref="RegistryException">There is no fleet, or it is not shareable.</exception>
    /// <exception cref="TpmException">The TPM refused: the signature is not the authority's, or for another parent.</exception>
    public static string Export(RegistrySource source, EsysTpm tpm, StorageParent parent, byte[] signature, string where)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(tpm);
        ArgumentNullException.ThrowIfNull(parent);
        var wire = FleetAuthority.SignatureOf(signature, where);
        using var registry = source.Open();
        var fleet = RequireShareable(registry.RequireFleet());
        tpm.Open();
        FleetSelfTest.Run(tpm, fleet);
        var accepted = fleet.Epochs.Where(static epoch => epoch.IsAccepted).ToArray();
        var export = new FleetExport
        {
            ServerId = fleet.ServerId,
            Authority = fleet.Authority!.SubjectPublicKeyInfo,
            Parent = parent.Name,
            Epochs =
            [
                .. accepted.Select(epoch => new FleetExport.Epoch(
                    epoch.Number, epoch.CompromisedAt != null, tpm.Duplicate(epoch.Key, parent.Wire, fleet.Authority, wire), epoch.CheckValue)),
            ],
        };
        return (export with { Proofs = accepted.ToDictionary(static epoch => epoch.Number, epoch => Proof(tpm, epoch, export)) }).Write();
    }

    /// <summary>Takes the keys of an export into this TPM: a new fleet, or further epochs of the one that is there. What was interrupted is finished.</summary>
    /// <param name="source">Where the registry is, or will be.</param>
    /// <param name="tpm">This gateway's TPM.</param>
    /// <param name="json">The export.</param>
    /// <param name="where">Its file, for messages.</param>
    /// <param name="time">The clock.</param>
    /// <returns>The fleet, and how many epochs are new.</returns>
    /// <exception cref="DeviceKeyException">The export is damaged.</exception>
    /// <exception cref="RegistryException">There is another fleet, or the export does not come from a gateway of the one that is there.</exception>
    /// <exception cref="TpmException">It is for another TPM.</exception>
    public static (FleetRecord Fleet, int Added) Import(RegistrySource source, EsysTpm tpm, string json, string where, TimeProvider? time = null) =>
        Import(source, tpm, json, where, time ?? TimeProvider.System, null);

    internal static (FleetRecord Fleet, int Added) Import(
        RegistrySource source, EsysTpm tpm, string json, string where, TimeProvider time, Action<FleetSetupStep>? after)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(tpm);
        var export = FleetExport.Read(json, where);
        var authority = FleetAuthority.FromDer(export.Authority, where);
        using var fleetLock = source.LockFleet();
        using var registry = source.OpenOrCreate(time);
        if (registry.Fleet is { } existing)
            RefuseOther(existing, export, where);
        tpm.Open();
        var options = new FleetSetupOptions { ServerId = export.ServerId };
        var root = tpm.EnsureStorageRoot(registry.Fleet is { IsHere: true } fleet ? fleet.StorageRoot.Handle : options.StorageRootHandle);
        if (!root.Name.AsSpan().SequenceEqual(export.Parent))
        {
            throw new TpmException(
                TpmFault.KeyMismatch,
                $"{where} is for the TPM whose storage key has the fingerprint {Convert.ToHexStringLower(export.Parent.AsSpan(2))}; that at {tpm.Address} has " +
                $"{Convert.ToHexStringLower(root.Name.AsSpan(2))}: export it to this one, with its iotpsk fleet srk-public");
        }

        if (registry.Fleet is { IsHere: true } here && !here.StorageRoot.Equals(root))
        {
            throw new TpmException(
                TpmFault.KeyMismatch, $"TPM at {tpm.Address} is not the one in which this gateway has its keys of fleet '{here.ServerId}': another TPM begins with a state directory of its own");
        }

        var epochs = new EpochSetup(registry, tpm, options.FirstKeyHandle, options.LastKeyHandle, after);
        epochs.Done(FleetSetupStep.StorageRootReady);
        var added = 0;
        var isProved = false;
        foreach (var epoch in export.Epochs)
        {
            if (registry.Fleet is { } known && !isProved && IsNew(known, epoch))
                isProved = Verify(known, tpm, export, where);
            if (Take(registry, tpm, epochs, root, authority, export.ServerId, epoch))
                added++;
        }

        RollbackGuard.TryPrepare(registry, tpm);
        return (registry.RequireFleet(), added);
    }

    /// <summary>Whether an epoch would change what the fleet here is.</summary>
    private static bool IsNew(FleetRecord fleet, FleetExport.Epoch epoch) =>
        fleet.Epoch(epoch.Number) is not { } known || (epoch.Compromised && known is { CompromisedAt: null, State: not EpochState.Retired });

    /// <summary>The keys here vouch for the further ones; by one that others know as well only when there is no better.</summary>
    /// <returns>False while no key is here.</returns>
    private static bool Verify(FleetRecord fleet, EsysTpm tpm, FleetExport export, string where)
    {
        var here = fleet.Epochs.Where(static epoch => epoch.IsAccepted).ToArray();
        if (here.Length == 0)
            return false;
        var good = here.Where(static epoch => epoch.CompromisedAt == null).ToArray();
        foreach (var epoch in good.Length > 0 ? good : here)
        {
            if (export.Proofs.TryGetValue(epoch.Number, out var proof) && CryptographicOperations.FixedTimeEquals(Proof(tpm, epoch, export), proof))
                return true;
        }

        throw new RegistryException(
            RegistryFault.FleetExists,
            $"{where} does not come from a gateway that has a key of fleet '{fleet.ServerId}' as it is here, or was changed on its way: export it again and bring it by a safe way. If every key that is " +
            "accepted here is retired there already, begin with a state directory of its own");
    }

    private static byte[] Proof(EsysTpm tpm, EpochRecord epoch, FleetExport export)
    {
        Span<byte> message = stackalloc byte[FleetDerivation.MaxMessageSize];
        var length = FleetDerivation.WriteMessage(FleetDerivation.ExportLabel, export.Digest, message);
        var proof = new byte[FleetDerivation.KeySize];
        tpm.Hmac(epoch.Key, message[..length], proof);
        return proof;
    }

    private static bool Take(
        IRegistry registry, EsysTpm tpm, EpochSetup epochs, TpmKeyReference root, FleetAuthority authority, string serverId, FleetExport.Epoch epoch)
    {
        var known = registry.Fleet?.Epoch(epoch.Number);
        if (known is { State: EpochState.Retired })
            return false;
        if (known is { IsHere: true })
        {
            if (epoch.Compromised && known.CompromisedAt == null)
                registry.Fleets.MarkCompromised(epoch.Number);
            return false;
        }

        if (known is not { Key.Handle: not 0 })
        {
            var wrapped = tpm.Import(root, epoch.Key);
            var key = epochs.Place(wrapped);
            epochs.Done(FleetSetupStep.KeyCreated);
            if (registry.Fleet == null)
                registry.Fleets.BeginFleet(serverId, root, key, wrapped, authority, epoch.Number);
            else if (known != null)
                registry.Fleets.TakeEpoch(epoch.Number, root, key, wrapped);
            else
                registry.Fleets.BeginEpoch(epoch.Number, key, wrapped, compromised: false);
            epochs.Done(FleetSetupStep.KeyWrittenDown);
        }

        epochs.Finish(registry.Fleet!, registry.Fleet!.Epoch(epoch.Number)!, epoch.CheckValue);
        if (epoch.Compromised)
            registry.Fleets.MarkCompromised(epoch.Number);
        return true;
    }

    private static FleetRecord RequireShareable(FleetRecord fleet) => fleet.Authority != null ? fleet : throw new RegistryException(
        RegistryFault.NotShareable,
        $"The keys of fleet '{fleet.ServerId}' were made to stay in their TPM: a fleet that several gateways share is made with 'iotpsk fleet init --shareable --authority PUB'");

    private static void RefuseOther(FleetRecord fleet, FleetExport export, string where)
    {
        if (fleet.ServerId != export.ServerId)
        {
            throw new RegistryException(
                RegistryFault.FleetExists, $"{where} is of fleet '{export.ServerId}', here is '{fleet.ServerId}': devices are bound to that name, so they are never mixed. Use a state directory of its own");
        }

        if (fleet.Authority == null || !fleet.Authority.SubjectPublicKeyInfo.AsSpan().SequenceEqual(export.Authority))
            throw new RegistryException(RegistryFault.FleetExists, $"{where} is of a fleet '{export.ServerId}' with another authority than the one here: it is not the same fleet");
        foreach (var epoch in export.Epochs)
        {
            if (fleet.Epoch(epoch.Number) is { } known && !known.Key.Name.AsSpan().SequenceEqual(TpmWire.NameOf(epoch.Key.Public)))
                throw new RegistryException(RegistryFault.FleetExists, $"{where} has another key for epoch {epoch.Number} than is known here: the two gateways rotated apart");
        }

        // All epochs that are accepted come at once, the oldest first: one that is older and new here was retired since.
        if (export.Epochs.FirstOrDefault(epoch => fleet.Epoch(epoch.Number) is null && epoch.Number < fleet.Epochs[^1].Number) is { } retired)
        {
            throw new RegistryException(
                RegistryFault.FleetExists, $"{where} has epoch {retired.Number}, which is older than what is here and was retired since: export the fleet again");
        }
    }
}
