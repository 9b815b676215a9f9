using System.Runtime.InteropServices;

namespace IotPsk.Keys;

/// <summary>
/// The functions of tpm2-tss that are used (TSS 2.0 ESAPI, Marshaling and TCTI loader). TPM structures cross as wire bytes
/// through libtss2-mu into native blocks, so no C structure is mirrored here.
/// </summary>
internal static unsafe partial class Tss2
{
    internal const uint TrNone = 0xfff;
    internal const uint TrPassword = 0x0ff;
    internal const uint TrOwner = 0x101;
    internal const uint TrEndorsement = 0x10b;

    private const string Esys = "libtss2-esys.so.0";
    private const string Mu = "libtss2-mu.so.0";
    private const string TctiLdr = "libtss2-tctildr.so.0";

    [LibraryImport(TctiLdr, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial uint Tss2_TctiLdr_Initialize(string nameConf, nint* context);

    [LibraryImport(TctiLdr)]
    internal static partial void Tss2_TctiLdr_Finalize(nint* context);

    [LibraryImport(Esys)]
    internal static partial uint Esys_Initialize(nint* context, nint tcti, nint abiVersion);

    [LibraryImport(Esys)]
    internal static partial void Esys_Finalize(nint* context);

    [LibraryImport(Esys)]
    internal static partial void Esys_Free(nint memory);

    [LibraryImport(Esys)]
    internal static partial uint Esys_Startup(nint context, ushort startupType);

    [LibraryImport(Esys)]
    internal static partial uint Esys_GetCapability(
        nint context, uint session1, uint session2, uint session3, uint capability, uint property, uint count, byte* more, nint* data);

    [LibraryImport(Esys)]
    internal static partial uint Esys_TR_FromTPMPublic(nint context, uint handle, uint session1, uint session2, uint session3, uint* tr);

    [LibraryImport(Esys)]
    internal static partial uint Esys_TR_Close(nint context, uint* tr);

    [LibraryImport(Esys)]
    internal static partial uint Esys_TR_SetAuth(nint context, uint tr, nint auth);

    [LibraryImport(Esys)]
    internal static partial uint Esys_ReadPublic(
        nint context, uint tr, uint session1, uint session2, uint session3, nint* outPublic, nint* name, nint* qualifiedName);

    [LibraryImport(Esys)]
    internal static partial uint Esys_CreatePrimary(
        nint context, uint hierarchy, uint session1, uint session2, uint session3, nint sensitive, nint template, nint outsideInfo, nint creationPcr,
        uint* tr, nint* outPublic, nint* creationData, nint* creationHash, nint* creationTicket);

    [LibraryImport(Esys)]
    internal static partial uint Esys_Create(
        nint context, uint parent, uint session1, uint session2, uint session3, nint sensitive, nint template, nint outsideInfo, nint creationPcr,
        nint* outPrivate, nint* outPublic, nint* creationData, nint* creationHash, nint* creationTicket);

    [LibraryImport(Esys)]
    internal static partial uint Esys_Load(
        nint context, uint parent, uint session1, uint session2, uint session3, nint inPrivate, nint inPublic, uint* tr);

    [LibraryImport(Esys)]
    internal static partial uint Esys_EvictControl(
        nint context, uint hierarchy, uint tr, uint session1, uint session2, uint session3, uint persistentHandle, uint* newTr);

    [LibraryImport(Esys)]
    internal static partial uint Esys_FlushContext(nint context, uint tr);

    [LibraryImport(Esys)]
    internal static partial uint Esys_HMAC(
        nint context, uint tr, uint session1, uint session2, uint session3, nint buffer, ushort hash, nint* digest);

    [LibraryImport(Esys)]
    internal static partial uint Esys_GetRandom(nint context, uint session1, uint session2, uint session3, ushort count, nint* random);

    [LibraryImport(Esys)]
    internal static partial uint Esys_StartAuthSession(
        nint context, uint tpmKey, uint bind, uint session1, uint session2, uint session3, nint nonce, byte type, nint symmetric, ushort hash, uint* session);

    [LibraryImport(Esys)]
    internal static partial uint Esys_LoadExternal(
        nint context, uint session1, uint session2, uint session3, nint inPrivate, nint inPublic, uint hierarchy, uint* tr);

    [LibraryImport(Esys)]
    internal static partial uint Esys_VerifySignature(
        nint context, uint key, uint session1, uint session2, uint session3, nint digest, nint signature, nint* ticket);

    [LibraryImport(Esys)]
    internal static partial uint Esys_PolicyDuplicationSelect(
        nint context, uint policySession, uint session1, uint session2, uint session3, nint objectName, nint newParentName, byte includeObject);

    [LibraryImport(Esys)]
    internal static partial uint Esys_PolicyAuthorize(
        nint context, uint policySession, uint session1, uint session2, uint session3, nint approvedPolicy, nint policyRef, nint keySign, nint ticket);

    [LibraryImport(Esys)]
    internal static partial uint Esys_Duplicate(
        nint context, uint tr, uint newParent, uint session1, uint session2, uint session3, nint encryptionKey, nint symmetric,
        nint* encryptionKeyOut, nint* duplicate, nint* seed);

    [LibraryImport(Esys)]
    internal static partial uint Esys_Import(
        nint context, uint parent, uint session1, uint session2, uint session3, nint encryptionKey, nint objectPublic, nint duplicate, nint seed,
        nint symmetric, nint* outPrivate);

    [LibraryImport(Esys)]
    internal static partial uint Esys_NV_DefineSpace(
        nint context, uint hierarchy, uint session1, uint session2, uint session3, nint auth, nint nvPublic, uint* tr);

    [LibraryImport(Esys)]
    internal static partial uint Esys_NV_Increment(nint context, uint authHandle, uint index, uint session1, uint session2, uint session3);

    [LibraryImport(Esys)]
    internal static partial uint Esys_NV_Read(
        nint context, uint authHandle, uint index, uint session1, uint session2, uint session3, ushort size, ushort offset, nint* data);

    [LibraryImport(Esys)]
    internal static partial uint Esys_NV_ReadPublic(
        nint context, uint index, uint session1, uint session2, uint session3, nint* nvPublic, nint* name);

    [LibraryImport(Esys)]
    internal static partial uint Esys_PolicySecret(
        nint context, uint authHandle, uint policySession, uint session1, uint session2, uint session3, nint nonce, nint cpHash, nint policyRef,
        int expiration, nint* timeout, nint* ticket);

    [LibraryImport(Esys)]
    internal static partial uint Esys_PCR_Read(
        nint context, uint session1, uint session2, uint session3, nint selection, uint* updates, nint* selected, nint* values);

    [LibraryImport(Esys)]
    internal static partial uint Esys_PolicyPCR(
        nint context, uint policySession, uint session1, uint session2, uint session3, nint digest, nint selection);

    [LibraryImport(Esys)]
    internal static partial uint Esys_PolicyAuthValue(nint context, uint policySession, uint session1, uint session2, uint session3);

    [LibraryImport(Esys)]
    internal static partial uint Esys_PolicyGetDigest(nint context, uint policySession, uint session1, uint session2, uint session3, nint* digest);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPML_DIGEST_Marshal(nint source, byte* buffer, nuint size, nuint* offset);

    [LibraryImport(Esys)]
    internal static partial uint Esys_MakeCredential(
        nint context, uint tr, uint session1, uint session2, uint session3, nint credential, nint objectName, nint* blob, nint* secret);

    [LibraryImport(Esys)]
    internal static partial uint Esys_ActivateCredential(
        nint context, uint activate, uint key, uint session1, uint session2, uint session3, nint blob, nint secret, nint* credential);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPM2B_ID_OBJECT_Marshal(nint source, byte* buffer, nuint size, nuint* offset);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(byte* buffer, nuint size, nuint* offset, nint target);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPM2B_NV_PUBLIC_Marshal(nint source, byte* buffer, nuint size, nuint* offset);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPM2B_NV_PUBLIC_Unmarshal(byte* buffer, nuint size, nuint* offset, nint target);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPM2B_MAX_NV_BUFFER_Marshal(nint source, byte* buffer, nuint size, nuint* offset);

    [LibraryImport(Esys)]
    internal static partial uint Esys_TRSess_SetAttributes(nint context, uint session, byte flags, byte mask);

    [LibraryImport(Esys)]
    internal static partial uint Esys_GetSysContext(nint context, nint* sys);

    [LibraryImport("libc", EntryPoint = "malloc_usable_size")]
    internal static partial nuint UsableSize(nint block);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPMT_SYM_DEF_OBJECT_Unmarshal(byte* buffer, nuint size, nuint* offset, nint target);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPMT_SIGNATURE_Unmarshal(byte* buffer, nuint size, nuint* offset, nint target);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPM2B_NAME_Unmarshal(byte* buffer, nuint size, nuint* offset, nint target);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPM2B_DATA_Marshal(nint source, byte* buffer, nuint size, nuint* offset);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPM2B_ENCRYPTED_SECRET_Marshal(nint source, byte* buffer, nuint size, nuint* offset);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(byte* buffer, nuint size, nuint* offset, nint target);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPMT_SYM_DEF_Unmarshal(byte* buffer, nuint size, nuint* offset, nint target);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPM2B_DIGEST_Marshal(nint source, byte* buffer, nuint size, nuint* offset);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPM2B_DIGEST_Unmarshal(byte* buffer, nuint size, nuint* offset, nint target);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPM2B_PRIVATE_Marshal(nint source, byte* buffer, nuint size, nuint* offset);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPM2B_PRIVATE_Unmarshal(byte* buffer, nuint size, nuint* offset, nint target);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPM2B_PUBLIC_Marshal(nint source, byte* buffer, nuint size, nuint* offset);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPM2B_PUBLIC_Unmarshal(byte* buffer, nuint size, nuint* offset, nint target);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPM2B_SENSITIVE_CREATE_Unmarshal(byte* buffer, nuint size, nuint* offset, nint target);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPM2B_DATA_Unmarshal(byte* buffer, nuint size, nuint* offset, nint target);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPML_PCR_SELECTION_Unmarshal(byte* buffer, nuint size, nuint* offset, nint target);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPM2B_MAX_BUFFER_Unmarshal(byte* buffer, nuint size, nuint* offset, nint target);

    [LibraryImport(Mu)]
    internal static partial uint Tss2_MU_TPMS_CAPABILITY_DATA_Marshal(nint source, byte* buffer, nuint size, nuint* offset);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);

    /// <summary>
    /// Keeps tpm2-tss from writing to stderr: every failure comes back as a code and is reported by us. A TSS2_LOG of the user's stays.
    /// The runtime's own environment is a copy the C library never sees, hence setenv.
    /// </summary>
    internal static void QuietLog() => _ = SetEnvironment("TSS2_LOG", "all+none", 0);
}
