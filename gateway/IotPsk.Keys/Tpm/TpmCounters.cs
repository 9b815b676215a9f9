namespace IotPsk.Keys;

/// <summary>The TPM 2.0 commands this library sends (TPM 2.0 Part 3).</summary>
public enum TpmCommand
{
    /// <summary>TPM2_Startup.</summary>
    Startup,

    /// <summary>TPM2_GetCapability.</summary>
    GetCapability,

    /// <summary>TPM2_ReadPublic.</summary>
    ReadPublic,

    /// <summary>TPM2_CreatePrimary.</summary>
    CreatePrimary,

    /// <summary>TPM2_Create.</summary>
    Create,

    /// <summary>TPM2_Load.</summary>
    Load,

    /// <summary>TPM2_EvictControl.</summary>
    EvictControl,

    /// <summary>TPM2_FlushContext.</summary>
    FlushContext,

    /// <summary>TPM2_HMAC.</summary>
    Hmac,

    /// <summary>TPM2_GetRandom.</summary>
    GetRandom,

    /// <summary>TPM2_StartAuthSession.</summary>
    StartAuthSession,

    /// <summary>TPM2_NV_DefineSpace.</summary>
    NvDefineSpace,

    /// <summary>TPM2_NV_Increment.</summary>
    NvIncrement,

    /// <summary>TPM2_NV_Read.</summary>
    NvRead,

    /// <summary>TPM2_LoadExternal.</summary>
    LoadExternal,

    /// <summary>TPM2_Duplicate.</summary>
    Duplicate,

    /// <summary>TPM2_Import.</summary>
    Import,

    /// <summary>TPM2_NV_ReadPublic.</summary>
    NvReadPublic,

    /// <summary>TPM2_PolicySecret.</summary>
    PolicySecret,

    /// <summary>TPM2_MakeCredential.</summary>
    MakeCredential,

    /// <summary>TPM2_ActivateCredential.</summary>
    ActivateCredential,

    /// <summary>TPM2_PCR_Read.</summary>
    PcrRead,

    /// <summary>TPM2_PolicyPCR.</summary>
    PolicyPcr,

    /// <summary>TPM2_PolicyAuthValue.</summary>
    PolicyAuthValue,

    /// <summary>TPM2_PolicyGetDigest.</summary>
    PolicyGetDigest,
}

/// <summary>How many of each command were sent. Written by the thread that owns the TPM, read by any.</summary>
public sealed class TpmCounters
{
    private static readonly TpmCommand[] AllCommands = Enum.GetValues<TpmCommand>();
    private readonly long[] _sent = new long[AllCommands.Length];
    private long _failed;

    /// <summary>Every command, in the order of the enumeration.</summary>
    public static IReadOnlyList<TpmCommand> Commands => AllCommands;

    /// <summary>Commands of this kind sent so far.</summary>
    public long this[TpmCommand command] => Volatile.Read(ref _sent[(int)command]);

    /// <summary>Commands of every kind sent so far.</summary>
    public long Total
    {
        get
        {
            long total = 0;
            foreach (var command in AllCommands)
                total += this[command];
            return total;
        }
    }

    /// <summary>Commands that ended with an error.</summary>
    public long Failed => Volatile.Read(ref _failed);

    internal void CountSent(TpmCommand command) => Interlocked.Increment(ref _sent[(int)command]);

    internal void CountFailed() => Interlocked.Increment(ref _failed);
}
