using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>Making, finding and keeping keys.</summary>
public sealed unsafe partial class EsysTpm
{
    /// <summary>The public area of the object at a persistent handle, or null when nothing is there.</summary>
    /// <exception cref="TpmException">The TPM failed.</exception>
    public TpmPublic? ReadPublic(uint handle)
    {
        if (!TryOpen(handle, out var tr))
            return null;
        try
        {
            return ReadPublicOf(tr, $"0x{handle:x8}");
        }
        catch (TpmException e) when (e.Fault == TpmFault.KeyMissing)
        {
            // Somebody else removed it since we opened it.
            _objects.Remove(handle);
            return null;
        }
    }

    /// <summary>
    /// The storage root key: at <paramref name="handle"/>, made from the TCG template (ECC P-256, attributes 0x30472) and made persistent
    /// if nothing is there.
    /// </summary>
    /// <exception cref="TpmException">Something else sits at the handle, or the owner hierarchy has a password.</exception>
    public TpmKeyReference EnsureStorageRoot(uint handle)
    {
        var found = ReadPublic(handle);
        if (found == null)
        {
            var transient = CreatePrimary(TpmWire.StorageRootTemplate);
            try
            {
                Evict(transient, handle);
            }
            finally
            {
                Flush(transient);
            }

            found = ReadPublic(handle)
                ?? throw new TpmException(TpmFault.Failed, $"TPM at {Address}: the storage root key did not stay at handle 0x{handle:x8}");
        }

        if (found.IsStorageRoot)
            _ensuredRoot = new TpmKeyReference(handle, found.Name);
        else
        {
            throw new TpmException(
                TpmFault.KeyMismatch,
                $"TPM at {Address}: handle 0x{handle:x8} should hold the storage root key (ECC P-256, attributes 0x{TpmWire.StorageRootAttributes:x}), " +
                $"but holds {found}. If nothing uses it, remove it with: tpm2_evictcontrol -C o -c 0x{handle:x8}");
        }

        return new TpmKeyReference(handle, found.Name);
    }

    /// <summary>Makes a fleet key under a storage parent: HMAC-SHA256, fixedTPM, fixedParent, noDA, its secret from the TPM's generator.</summary>
    /// <param name="parent">The storage parent.</param>
    /// <param name="pcr">The PCRs whose present values it is bound to; null for none.</param>
    /// <returns>The key as the TPM wrapped it: useless without this TPM.</returns>
    internal WrappedKey CreateFleetKey(TpmKeyReference parent, PcrSelection? pcr = null) =>
        Create(parent, pcr == null ? TpmWire.FleetKeyTemplate : TpmWire.PcrKeyTemplate(PolicyOf(pcr)), [], "the fleet key");

    private WrappedKey Create(TpmKeyReference parent, ReadOnlySpan<byte> template, ReadOnlySpan<byte> secret, string what)
    {
        var parentTr = Find(parent, []);
        var connection = Connection;
        var auth = Authorize();
        PutTemplate(template, _options.KeyAuth.Span, secret);
        nint outPrivate = 0, outPublic = 0;
        uint rc;
        var attempt = 0;
        do
        {
            rc = Tss2.Esys_Create(
                connection.Context, parentTr, auth, Tss2.TrNone, Tss2.TrNone, _first.Address, _second.Address, _outsideInfo.Address,
                _creationPcr.Address, &outPrivate, &outPublic, null, null, null);
        }
        while (connection.Again(TpmCommand.Create, rc, ref attempt));
        _first.Clear();
        connection.Check(rc, $"TPM2_Create of {what}");
        var wrapped = connection.Take(ref outPrivate, &Tss2.Tss2_MU_TPM2B_PRIVATE_Marshal).ToArray();
        return new WrappedKey(wrapped, connection.Take(ref outPublic, &Tss2.Tss2_MU_TPM2B_PUBLIC_Marshal).ToArray());
    }

    /// <summary>Loads a wrapped key and makes it persistent.</summary>
    internal void Persist(TpmKeyReference parent, WrappedKey key, uint handle)
    {
        var transient = Load(Find(parent, []), key.Private, key.Public, "the fleet key");
        try
        {
            Evict(transient, handle);
        }
        finally
        {
            Flush(transient);
        }
    }

    /// <summary>Removes a persistent key, if it is still the one that sits at its handle.</summary>
    /// <returns>Whether there was something to remove.</returns>
    internal bool Remove(TpmKeyReference key)
    {
        if (ReadPublic(key.Handle) is not { } found || !found.Name.AsSpan().SequenceEqual(key.Name))
            return false;
        // ESYS gives up its own handle of an object that it evicts.
        if (!_objects.Remove(key.Handle, out var known))
            return false;
        EvictControl(known.Tr, key.Handle);
        return true;
    }

    private TpmPublic ReadPublicOf(uint tr, string what)
    {
        var connection = Connection;
        nint outPublic = 0;
        uint rc;
        var attempt = 0;
        do
            rc = Tss2.Esys_ReadPublic(connection.Context, tr, Tss2.TrNone, Tss2.TrNone, Tss2.TrNone, &outPublic, null, null);
        while (connection.Again(TpmCommand.ReadPublic, rc, ref attempt));
        if (rc != 0)
            connection.Check(rc, $"TPM2_ReadPublic of {what}");
        return new TpmPublic(connection.Take(ref outPublic, &Tss2.Tss2_MU_TPM2B_PUBLIC_Marshal).ToArray());
    }

    private uint Load(uint parent, byte[] wrappedPrivate, byte[] wrappedPublic, string what)
    {
        var connection = Connection;
        var auth = Authorize();
        connection.Put(_first, wrappedPrivate, &Tss2.Tss2_MU_TPM2B_PRIVATE_Unmarshal);
        connection.Put(_second, wrappedPublic, &Tss2.Tss2_MU_TPM2B_PUBLIC_Unmarshal);
        uint rc, transient = 0;
        var attempt = 0;
        do
        {
            rc = Tss2.Esys_Load(
                connection.Context, parent, auth, Tss2.TrNone, Tss2.TrNone, _first.Address, _second.Address, &transient);
        }
        while (connection.Again(TpmCommand.Load, rc, ref attempt));
        connection.Check(rc, "TPM2_Load of " + what);
        return transient;
    }

    private bool TryOpen(uint handle, out uint tr)
    {
        if (_objects.TryGetValue(handle, out var known))
        {
            tr = known.Tr;
            return true;
        }

        var connection = Connection;
        uint opened = Tss2.TrNone, rc;
        var attempt = 0;
        do
            rc = Tss2.Esys_TR_FromTPMPublic(connection.Context, handle, Tss2.TrNone, Tss2.TrNone, Tss2.TrNone, &opened);
        while (connection.Again(TpmCommand.ReadPublic, rc, ref attempt));
        tr = opened;
        if (rc != 0 && TpmErrors.Classify(rc) == TpmFault.KeyMissing)
            return false;
        connection.Check(rc, $"TPM2_ReadPublic of 0x{handle:x8}");
        _objects.Add(handle, new PersistentObject(opened, null));
        return true;
    }

    private uint CreatePrimary(ReadOnlySpan<byte> template) => CreatePrimary(Tss2.TrOwner, template, "a storage key");

    private uint CreatePrimary(uint hierarchy, ReadOnlySpan<byte> template, string what)
    {
        var connection = Connection;
        var auth = Authorize();
        if (hierarchy == Tss2.TrOwner)
            SetAuth(Tss2.TrOwner, _options.OwnerAuth.Span);
        PutTemplate(template, [], []);
        uint rc, transient = 0;
        var attempt = 0;
        do
        {
            rc = Tss2.Esys_CreatePrimary(
                connection.Context, hierarchy, auth, Tss2.TrNone, Tss2.TrNone, _first.Address, _second.Address, _outsideInfo.Address,
                _creationPcr.Address, &transient, null, null, null, null);
        }
        while (connection.Again(TpmCommand.CreatePrimary, rc, ref attempt));
        connection.Check(rc, "TPM2_CreatePrimary of " + what);
        return transient;
    }

    private void PutTemplate(ReadOnlySpan<byte> template, ReadOnlySpan<byte> auth, ReadOnlySpan<byte> secret)
    {
        var connection = Connection;
        var sensitive = TpmWire.SensitiveCreate(auth, secret);
        connection.Put(_first, sensitive, &Tss2.Tss2_MU_TPM2B_SENSITIVE_CREATE_Unmarshal);
        CryptographicOperations.ZeroMemory(sensitive);
        connection.Put(_second, template, &Tss2.Tss2_MU_TPM2B_PUBLIC_Unmarshal);
        connection.Put(_outsideInfo, TpmWire.Empty, &Tss2.Tss2_MU_TPM2B_DATA_Unmarshal);
        connection.Put(_creationPcr, TpmWire.EmptyList, &Tss2.Tss2_MU_TPML_PCR_SELECTION_Unmarshal);
    }

    private void Evict(uint tr, uint handle) => _objects[handle] = new PersistentObject(EvictControl(tr, handle), null);

    private uint EvictControl(uint tr, uint handle)
    {
        var connection = Connection;
        var auth = Authorize(decrypt: false, encrypt: false);
        SetAuth(Tss2.TrOwner, _options.OwnerAuth.Span);
        uint rc, persistent = Tss2.TrNone;
        var attempt = 0;
        do
        {
            rc = Tss2.Esys_EvictControl(
                connection.Context, Tss2.TrOwner, tr, auth, Tss2.TrNone, Tss2.TrNone, handle, &persistent);
        }
        while (connection.Again(TpmCommand.EvictControl, rc, ref attempt));
        connection.Check(rc, $"TPM2_EvictControl of 0x{handle:x8}");
        return persistent;
    }

    /// <summary>Best effort: a slot that stays taken is lost only until the TPM's next reset, and the first failure is the one to report.</summary>
    private void Flush(uint transient)
    {
        if (_connection is not { } connection)
            return;
        uint rc;
        var attempt = 0;
        do
            rc = Tss2.Esys_FlushContext(connection.Context, transient);
        while (connection.Again(TpmCommand.FlushContext, rc, ref attempt));
    }

    /// <summary>A key wrapped by its storage parent: TPM2B_PRIVATE and TPM2B_PUBLIC.</summary>
    internal readonly record struct WrappedKey(byte[] Private, byte[] Public)
    {
        internal byte[] Name => TpmWire.NameOf(Public);
    }
}
