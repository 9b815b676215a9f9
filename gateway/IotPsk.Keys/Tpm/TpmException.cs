namespace IotPsk.Keys;

/// <summary>What kind of trouble a TPM is in, as far as a caller can act on it.</summary>
public enum TpmFault
{
    /// <summary>A tpm2-tss library or the TCTI module is not installed.</summary>
    LibraryMissing,

    /// <summary>The TPM or its daemon cannot be reached; it may come back.</summary>
    Unreachable,

    /// <summary>The TPM was reset under us: all handles and sessions are gone; reopen and go on.</summary>
    Reset,

    /// <summary>The TPM asked for patience (RETRY, YIELDED, TESTING, NV_RATE) longer than we waited.</summary>
    Busy,

    /// <summary>Dictionary-attack lockout.</summary>
    Lockout,

    /// <summary>A password of the hierarchy or of the key was refused.</summary>
    AuthorizationFailed,

    /// <summary>No object at the handle.</summary>
    KeyMissing,

    /// <summary>The object at the handle is not the one the registry names: another TPM, or another key.</summary>
    KeyMismatch,

    /// <summary>The TPM lacks a needed command or algorithm.</summary>
    NotSupported,

    /// <summary>No room for another object.</summary>
    NoSpace,

    /// <summary>A policy is not satisfied.</summary>
    Refused,

    /// <summary>The key is bound to PCRs that have other values now.</summary>
    PcrChanged,

    /// <summary>Anything else.</summary>
    Failed,
}

/// <summary>A failure of the TPM or of the way to it. The message says what, where and how to mend it.</summary>
public sealed class TpmException : KeysException
{
    internal TpmException(TpmFault fault, string message, uint responseCode = 0, Exception? inner = null)
        : base(message, inner)
    {
        Fault = fault;
        ResponseCode = responseCode;
    }

    /// <summary>The kind of trouble.</summary>
    public TpmFault Fault { get; }

    /// <summary>The TSS2_RC the library returned, or 0 when the failure was found by us.</summary>
    public uint ResponseCode { get; }

    /// <summary>Whether dropping every handle and connecting anew may help.</summary>
    internal bool IsReopenable => Fault is TpmFault.Unreachable or TpmFault.Reset;
}
