using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>The steps of making a fleet key; after each one a new attempt can go on.</summary>
internal enum FleetSetupStep
{
    StorageRootReady,
    KeyCreated,
    KeyWrittenDown,
    KeyPersistent,
    KeyChecked,
}

/// <summary>
/// Makes the key of an epoch: created and wrapped by the TPM, written down as pending, made persistent, tested, activated. What was
/// interrupted is finished with the key that was begun.
/// </summary>
internal sealed class EpochSetup(IRegistry registry, EsysTpm tpm, uint firstHandle, uint lastHandle, Action<FleetSetupStep>? after)
{
    private const uint ResponseHandleTaken = 0x14c;
    private const int MaxHandleAttempts = 8;

    /// <summary>Reports a step as done.</summary>
    internal void Done(FleetSetupStep step) => after?.Invoke(step);

    /// <summary>Creates a key under the storage root and picks a handle for it. Nothing stays in the TPM yet.</summary>
    /// <exception cref="RegistryException">It is to be shared, and bound to this machine too.</exception>
    internal (TpmKeyReference Key, EsysTpm.WrappedKey Wrapped) Create(TpmKeyReference root, FleetAuthority? authority, PcrSelection? pcr)
    {
        if (authority != null && pcr != null)
        {
            throw new RegistryException(
                RegistryFault.NotShareable, $"A key that several gateways share cannot be bound to PCRs ({pcr}): each machine has values of its own. Leave --pcr out, or make a fleet that is not shareable");
        }

        var wrapped = authority == null ? tpm.CreateFleetKey(root, pcr) : tpm.CreateShareableKey(root, authority);
        var key = new TpmKeyReference(tpm.FirstFreeHandle(firstHandle, lastHandle), wrapped.Name) { Pcr = pcr };
        Done(FleetSetupStep.KeyCreated);
        return (key, wrapped);
    }

    /// <summary>A handle for a key that was made elsewhere.</summary>
    internal TpmKeyReference Place(EsysTpm.WrappedKey wrapped) => new(tpm.FirstFreeHandle(firstHandle, lastHandle), wrapped.Name);

    /// <summary>Takes a pending key to its end.</summary>
    /// <param name="fleet">The fleet.</param>
    /// <param name="pending">The epoch.</param>
    /// <param name="expected">What the key answered in the TPM it comes from; null for a new one.</param>
    /// <exception cref="TpmException">The TPM failed, or the key was begun on another one.</exception>
    internal void Finish(FleetRecord fleet, EpochRecord pending, byte[]? expected = null)
    {
        var root = tpm.EnsureStorageRoot(fleet.StorageRoot.Handle);
        if (!root.Equals(fleet.StorageRoot))
        {
            throw new TpmException(
                TpmFault.KeyMismatch,
                $"TPM at {tpm.Address}: the making of key {pending.Number} of fleet '{fleet.ServerId}' was begun on another TPM (its storage root key was " +
                $"{fleet.StorageRoot.NameHex}, here it is {root.NameHex}): go on with that TPM, or use another state directory");
        }

        var key = MakePersistent(root, pending);
        Done(FleetSetupStep.KeyPersistent);
        var answer = FleetSelfTest.Answer(tpm, fleet.ServerId, key);
        if (expected != null && !CryptographicOperations.FixedTimeEquals(answer, expected))
            throw new TpmException(TpmFault.KeyMismatch, $"TPM at {tpm.Address}: the imported key of epoch {pending.Number} gives another answer than in the TPM it comes from: export it again");
        Done(FleetSetupStep.KeyChecked);
        registry.Fleets.Activate(pending.Number, answer);
    }

    private TpmKeyReference MakePersistent(TpmKeyReference root, EpochRecord pending)
    {
        var key = pending.Key;
        for (var attempt = 0; ; attempt++)
        {
            var found = tpm.ReadPublic(key.Handle);
            if (found != null && found.Name.AsSpan().SequenceEqual(key.Name))
                return key;
            if (found != null)
            {
                // Somebody else took the handle since it was chosen.
                key = key with { Handle = tpm.FirstFreeHandle(firstHandle, lastHandle) };
                registry.Fleets.MovePending(pending.Number, key.Handle);
            }

            try
            {
                tpm.Persist(root, registry.Fleets.ReadPending(pending.Number), key.Handle);
                return key;
            }
            catch (TpmException e) when ((e.ResponseCode & 0xfff) == ResponseHandleTaken && attempt < MaxHandleAttempts)
            {
                // Taken between looking and persisting: look again.
            }
        }
    }
}
