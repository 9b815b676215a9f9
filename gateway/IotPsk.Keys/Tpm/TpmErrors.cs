namespace IotPsk.Keys;

/// <summary>Turns TSS2 response codes into a fault and a message that says how to mend it.</summary>
internal static class TpmErrors
{
    private const uint FormatOne = 0x080;
    private const uint LayerTcti = 10;
    private const uint LayerEsapi = 7;

    internal static TpmException Command(uint rc, string what, string address)
    {
        var fault = Classify(rc);
        return new TpmException(fault, $"TPM at {address}: {what} failed: {Explain(rc, fault, address)}", rc);
    }

    internal static TpmException Open(uint rc, string address)
    {
        var fault = Classify(rc);
        if (fault is TpmFault.Failed or TpmFault.Unreachable)
            return new TpmException(TpmFault.Unreachable, $"TPM not reachable at {address} ({Code(rc)}): {HowToReach(address)}", rc);
        return Command(rc, "opening", address);
    }

    internal static TpmException MissingLibrary(DllNotFoundException e, string address) => new(
        TpmFault.LibraryMissing,
        $"The tpm2-tss libraries are not installed, so the TPM at {address} cannot be used: " +
        $"on Debian and Ubuntu, apt-get install libtss2-esys-3.0.2-0 libtss2-tctildr0 and the libtss2-tcti-* package of the transport ({e.Message})",
        inner: e);

    /// <summary>The kind of trouble behind a code (tpm2-tss layers; TPM 2.0 Part 2, s6.6).</summary>
    internal static TpmFault Classify(uint rc)
    {
        var layer = (rc >> 16) & 0xff;
        var code = rc & 0xffff;
        if (layer == LayerTcti)
            return TpmFault.Unreachable;
        // A context whose command broke off answers BAD_SEQUENCE; unreadable answers come from a broken transport.
        if (layer == LayerEsapi)
            return code is 7 or 10 or 17 or 19 ? TpmFault.Unreachable : TpmFault.Failed;
        if (layer is 8 or 9)
            return code is 17 or 19 or 6 ? TpmFault.Unreachable : TpmFault.Failed;
        if ((code & FormatOne) != 0)
        {
            return (code & 0x3f) switch
            {
                0x0e or 0x22 => TpmFault.AuthorizationFailed,
                0x0b => TpmFault.KeyMissing,
                0x1d => TpmFault.Refused,
                _ => TpmFault.Failed,
            };
        }

        return (code & 0xfff) switch
        {
            0x100 => TpmFault.Reset,
            >= 0x910 and <= 0x916 or >= 0x918 and <= 0x91e => TpmFault.Reset,
            0x908 or 0x90a or 0x920 or 0x922 => TpmFault.Busy,
            0x921 => TpmFault.Lockout,
            0x143 => TpmFault.NotSupported,
            0x14b or 0x902 or 0x903 or 0x904 or 0x905 => TpmFault.NoSpace,
            _ => TpmFault.Failed,
        };
    }

    /// <summary>TPM_RC_SIGNATURE, of whatever parameter.</summary>
    internal static bool IsBadSignature(uint rc) => (rc & 0xff0000) == 0 && (rc & FormatOne) != 0 && (rc & 0x3f) == 0x1b;

    /// <summary>TPM_RC_INTEGRITY, TPM_RC_VALUE, TPM_RC_SIZE or TPM_RC_ECC_POINT: a credential that does not open.</summary>
    internal static bool IsWrongCredential(uint rc) => (rc & 0xff0000) == 0 && (rc & FormatOne) != 0 && (rc & 0x3f) is 0x1f or 0x04 or 0x15 or 0x27;

    private static string Explain(uint rc, TpmFault fault, string address) => fault switch
    {
        TpmFault.Unreachable => $"the connection broke ({Code(rc)}): {HowToReach(address)}",
        TpmFault.Reset => $"the TPM was reset ({Code(rc)})",
        TpmFault.Busy => $"the TPM stayed busy ({Code(rc)}): try again",
        TpmFault.Lockout => $"the TPM is in dictionary-attack lockout ({Code(rc)}): wait, or reset it with tpm2_dictionarylockout --clear-lockout",
        TpmFault.AuthorizationFailed => $"a password was refused ({Code(rc)}): the owner hierarchy or the key has an authorisation value that was not given, or a wrong one",
        TpmFault.KeyMissing => $"there is no key at that handle ({Code(rc)})",
        TpmFault.Refused => $"the key's policy does not allow it ({Code(rc)})",
        TpmFault.NotSupported => $"the TPM does not have this command ({Code(rc)})",
        TpmFault.NoSpace => $"the TPM has no room for another object ({Code(rc)}): see tpm2_getcap handles-transient and handles-persistent, " +
            "free leftovers with tpm2_flushcontext -t, tpm2_flushcontext -l or tpm2_evictcontrol",
        _ => (rc & 0xffffff) switch
        {
            0x101 => $"the TPM is in failure mode ({Code(rc)}): restart it",
            0x1df => $"the stored key belongs to another TPM ({Code(rc)})",
            0x14c => $"the persistent handle is taken ({Code(rc)})",
            _ => $"response code {Code(rc)} (tpm2_rc_decode 0x{rc:x} explains it)",
        },
    };

    private static string Code(uint rc) => $"0x{rc:x}";

    private static string HowToReach(string address)
    {
        var colon = address.IndexOf(':', StringComparison.Ordinal);
        var module = colon < 0 ? address : address[..colon];
        var argument = colon < 0 ? "" : address[(colon + 1)..];
        return module switch
        {
            "device" => Device(argument.Length == 0 ? "/dev/tpm0" : argument),
            "swtpm" => "is swtpm running there, with its control channel on the next port?",
            "mssim" => "is the simulator running there? swtpm needs the TCTI swtpm:, not mssim:",
            "tabrmd" => "is tpm2-abrmd running, and may this user reach it over D-Bus (group tss)?",
            _ => "the TCTI is one of device:/dev/tpmrm0, swtpm:host=HOST,port=PORT, swtpm:path=SOCKET or tabrmd, and its module must be installed (libtss2-tcti-*)",
        };
    }

    private static string Device(string path)
    {
        if (!File.Exists(path))
            return $"{path} does not exist: is a TPM 2.0 switched on in the firmware setup, and its kernel driver loaded?";
        try
        {
            using var probe = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 0);
            return $"{path} opens but does not answer: is it a TPM 2.0 (not 1.2)?";
        }
        catch (UnauthorizedAccessException)
        {
            return $"{path} may not be opened by user {Environment.UserName}: add the user to group tss (usermod -aG tss {Environment.UserName}) and log in anew";
        }
        catch (IOException e)
        {
            return $"{path} cannot be opened: {e.Message}. /dev/tpm0 serves one program at a time: use /dev/tpmrm0";
        }
    }
}
