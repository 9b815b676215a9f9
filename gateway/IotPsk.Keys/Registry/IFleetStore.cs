namespace IotPsk.Keys;

/// <summary>
/// Writes the fleet and its epochs. A new key is first written down as pending, with the blob the TPM wrapped it in, and only then made
/// persistent in the TPM: whatever step is interrupted, the next attempt finds the one key it has to finish.
/// </summary>
internal interface IFleetStore
{
    /// <summary>Writes down a fleet and its first key, still pending.</summary>
    void BeginFleet(string serverId, TpmKeyReference root, TpmKeyReference key, EsysTpm.WrappedKey wrapped, FleetAuthority? authority = null, int number = 1);

    /// <summary>Writes down the key of a further epoch, still pending, and whether the ones before are known to somebody else.</summary>
    void BeginEpoch(int number, TpmKeyReference key, EsysTpm.WrappedKey wrapped, bool compromised);

    /// <summary>Writes down this gateway's own copy of a key that another gateway has, still on its way into the TPM; the gateway joins the fleet by its first one.</summary>
    void TakeEpoch(int number, TpmKeyReference root, TpmKeyReference key, EsysTpm.WrappedKey wrapped);

    /// <summary>Notes that every accepted key up to an epoch is known to somebody else; one that was noted before keeps its time.</summary>
    void MarkCompromised(int newest);

    /// <summary>The blob of a pending key.</summary>
    /// <exception cref="RegistryException">There is none.</exception>
    EsysTpm.WrappedKey ReadPending(int number);

    /// <summary>Gives a pending key another handle.</summary>
    void MovePending(int number, uint handle);

    /// <summary>Makes a pending key the active one; the blob is forgotten, the one before goes on in overlap. A copy of one that is accepted already only becomes usable here.</summary>
    void Activate(int number, byte[] checkValue);

    /// <summary>Forgets a key that is still being made.</summary>
    void GiveUp(int number);

    /// <summary>Ends the overlap of an epoch: accepted no more, and the ticket keys wrapped under it are erased.</summary>
    void Retire(int number);

    /// <summary>Notes that a retired key is gone from the TPM.</summary>
    void MarkEvicted(int number);
}
