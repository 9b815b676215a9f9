namespace IotPsk.Keys;

/// <summary>A key on its way from one TPM to another: only the parent it was wrapped for opens it.</summary>
/// <param name="Public">TPM2B_PUBLIC.</param>
/// <param name="Duplicate">TPM2B_PRIVATE, wrapped twice.</param>
/// <param name="Seed">TPM2B_ENCRYPTED_SECRET: opens the outer wrapping, in the new parent's TPM.</param>
/// <param name="InnerKey">TPM2B_DATA: opens the inner wrapping, which encryptedDuplication demands.</param>
internal sealed record DuplicatedKey(byte[] Public, byte[] Duplicate, byte[] Seed, byte[] InnerKey);

/// <summary>Fleet keys that may be copied to TPMs their authority signed for.</summary>
public sealed unsafe partial class EsysTpm
{
    private const byte PolicySession = 1;
    private readonly NativeBlock _third = new();

    /// <summary>Makes a fleet key that may be duplicated under its authority's policy and in no other way.</summary>
    internal WrappedKey CreateShareableKey(TpmKeyReference parent, FleetAuthority authority) =>
        Create(parent, TpmWire.ShareableKeyTemplate(authority.Policy), [], "the fleet key");

    /// <summary>TPM2_Duplicate under PolicyDuplicationSelect and PolicyAuthorize.</summary>
    /// <param name="key">The fleet key.</param>
    /// <param name="newParent">TPM2B_PUBLIC of the other TPM's storage key.</param>
    /// <param name="authority">The authority.</param>
    /// <param name="signature">TPMT_SIGNATURE over the policy of that parent.</param>
    /// <exception cref="TpmException">The TPM refused: the signature is not the authority's, or for another parent.</exception>
    internal DuplicatedKey Duplicate(TpmKeyReference key, byte[] newParent, FleetAuthority authority, byte[] signature)
    {
        var tr = Find(key, _options.KeyAuth.Span);
        var keyPublic = ReadPublic(key.Handle)!.Wire.ToArray();
        var parentName = TpmWire.NameOf(newParent);
        var parent = LoadExternal(newParent, "the new parent");
        var session = Tss2.TrNone;
        try
        {
            session = StartPolicySession();
            Satisfy(session, key.Name, parentName, authority, signature);
            return Duplicate(tr, parent, session, keyPublic);
        }
        finally
        {
            if (session != Tss2.TrNone)
                Flush(session);
            Flush(parent);
        }
    }

    /// <summary>TPM2_Import: a duplicated key under the storage root of this TPM.</summary>
    internal WrappedKey Import(TpmKeyReference parent, DuplicatedKey key)
    {
        var parentTr = Find(parent, []);
        var connection = Connection;
        var auth = Authorize();
        connection.Put(_first, key.InnerKey, &Tss2.Tss2_MU_TPM2B_DATA_Unmarshal);
        connection.Put(_second, key.Public, &Tss2.Tss2_MU_TPM2B_PUBLIC_Unmarshal);
        connection.Put(_third, key.Duplicate, &Tss2.Tss2_MU_TPM2B_PRIVATE_Unmarshal);
        connection.Put(_outsideInfo, key.Seed, &Tss2.Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal);
        connection.Put(_symmetric, TpmWire.SessionCipher, &Tss2.Tss2_MU_TPMT_SYM_DEF_OBJECT_Unmarshal);
        nint outPrivate = 0;
        uint rc;
        var attempt = 0;
        do
        {
            rc = Tss2.Esys_Import(
                connection.Context, parentTr, auth, Tss2.TrNone, Tss2.TrNone, _first.Address, _second.Address, _third.Address, _outsideInfo.Address,
                _symmetric.Address, &outPrivate);
        }
        while (connection.Again(TpmCommand.Import, rc, ref attempt));
        connection.Check(rc, "TPM2_Import of the fleet key");
        return new WrappedKey(connection.Take(ref outPrivate, &Tss2.Tss2_MU_TPM2B_PRIVATE_Marshal).ToArray(), key.Public);
    }

    private uint LoadExternal(byte[] sizedPublic, string what)
    {
        var connection = Connection;
        connection.Put(_first, sizedPublic, &Tss2.Tss2_MU_TPM2B_PUBLIC_Unmarshal);
        uint rc, transient = 0;
        var attempt = 0;
        do
        {
            // Of the owner hierarchy: a ticket of the null hierarchy proves nothing.
            rc = Tss2.Esys_LoadExternal(connection.Context, Tss2.TrNone, Tss2.TrNone, Tss2.TrNone, 0, _first.Address, Tss2.TrOwner, &transient);
        }
        while (connection.Again(TpmCommand.LoadExternal, rc, ref attempt));
        connection.Check(rc, $"TPM2_LoadExternal of {what}");
        return transient;
    }

    private uint StartPolicySession() => StartPolicySession(PolicySession, Tss2.TrNone);

    /// <summary>A session of a policy, or a trial of one; salted to a key it can encrypt too.</summary>
    private uint StartPolicySession(byte type, uint salt)
    {
        var connection = Connection;
        connection.Put(_symmetric, salt == Tss2.TrNone ? TpmWire.NoCipher : TpmWire.SessionCipher, &Tss2.Tss2_MU_TPMT_SYM_DEF_Unmarshal);
        uint rc, session = Tss2.TrNone;
        var attempt = 0;
        do
        {
            rc = Tss2.Esys_StartAuthSession(
                connection.Context, salt, Tss2.TrNone, Tss2.TrNone, Tss2.TrNone, Tss2.TrNone, 0, type, _symmetric.Address, TpmWire.AlgSha256, &session);
        }
        while (connection.Again(TpmCommand.StartAuthSession, rc, ref attempt));
        connection.Check(rc, "TPM2_StartAuthSession");
        return session;
    }

    private void Satisfy(uint session, byte[] keyName, byte[] parentName, FleetAuthority authority, byte[] signature)
    {
        var connection = Connection;
        var approved = FleetAuthority.DuplicationPolicy(parentName);
        var ticket = Verify(authority, approved, signature);
        try
        {
            connection.Put(_first, TpmWire.Sized(keyName.AsSpan()), &Tss2.Tss2_MU_TPM2B_NAME_Unmarshal);
            connection.Put(_second, TpmWire.Sized(parentName.AsSpan()), &Tss2.Tss2_MU_TPM2B_NAME_Unmarshal);
            connection.Check(
                Tss2.Esys_PolicyDuplicationSelect(connection.Context, session, Tss2.TrNone, Tss2.TrNone, Tss2.TrNone, _first.Address, _second.Address, 0),
                "TPM2_PolicyDuplicationSelect");
            connection.Put(_first, TpmWire.Sized(approved.AsSpan()), &Tss2.Tss2_MU_TPM2B_DIGEST_Unmarshal);
            connection.Put(_second, TpmWire.Empty, &Tss2.Tss2_MU_TPM2B_DIGEST_Unmarshal);
            connection.Put(_third, TpmWire.Sized(authority.Name.AsSpan()), &Tss2.Tss2_MU_TPM2B_NAME_Unmarshal);
            connection.Check(
                Tss2.Esys_PolicyAuthorize(
                    connection.Context, session, Tss2.TrNone, Tss2.TrNone, Tss2.TrNone, _first.Address, _second.Address, _third.Address, ticket),
                "TPM2_PolicyAuthorize");
        }
        finally
        {
            Tss2.Esys_Free(ticket);
        }
    }

    /// <summary>The TPM's ticket that the authority signed a policy; freed by the caller.</summary>
    private nint Verify(FleetAuthority authority, byte[] approved, byte[] signature)
    {
        var connection = Connection;
        var signer = LoadExternal(authority.Public, "the authority's key");
        try
        {
            connection.Put(_first, TpmWire.Sized(System.Security.Cryptography.SHA256.HashData(approved).AsSpan()), &Tss2.Tss2_MU_TPM2B_DIGEST_Unmarshal);
            connection.Put(_second, signature, &Tss2.Tss2_MU_TPMT_SIGNATURE_Unmarshal);
            nint ticket = 0;
            var rc = Tss2.Esys_VerifySignature(
                connection.Context, signer, Tss2.TrNone, Tss2.TrNone, Tss2.TrNone, _first.Address, _second.Address, &ticket);
            if (TpmErrors.IsBadSignature(rc))
            {
                throw new TpmException(
                    TpmFault.Refused, "The signature is not the fleet authority's for this parent: sign the file that export-to wrote without --signature, with the authority's key", rc);
            }

            connection.Check(rc, "TPM2_VerifySignature");
            return ticket;
        }
        finally
        {
            Flush(signer);
        }
    }

    private DuplicatedKey Duplicate(uint key, uint parent, uint session, byte[] keyPublic)
    {
        var connection = Connection;
        connection.Put(_symmetric, TpmWire.SessionCipher, &Tss2.Tss2_MU_TPMT_SYM_DEF_OBJECT_Unmarshal);
        nint inner = 0, duplicate = 0, seed = 0;
        uint rc;
        var attempt = 0;
        do
        {
            rc = Tss2.Esys_Duplicate(
                connection.Context, key, parent, session, Tss2.TrNone, Tss2.TrNone, 0, _symmetric.Address, &inner, &duplicate, &seed);
        }
        while (connection.Again(TpmCommand.Duplicate, rc, ref attempt));
        connection.Check(rc, "TPM2_Duplicate of the fleet key");
        var innerKey = connection.Take(ref inner, &Tss2.Tss2_MU_TPM2B_DATA_Marshal).ToArray();
        var wrapped = connection.Take(ref duplicate, &Tss2.Tss2_MU_TPM2B_PRIVATE_Marshal).ToArray();
        return new DuplicatedKey(keyPublic, wrapped, connection.Take(ref seed, &Tss2.Tss2_MU_TPM2B_ENCRYPTED_SECRET_Marshal).ToArray(), innerKey);
    }
}
