using System.Globalization;
using System.Text;
using IotPsk.Keys;

namespace IotPsk.Bogo;

/// <summary>The runner's flags, as its porting guide and test_config.cc have them; those for resumed connections apart.</summary>
internal sealed class ShimFlags
{
    private static readonly string[] Kinds = ["x509", "delegated", "spake2plusv1", "rpk"];
    // A PSK-only engine has nothing to do for them: no certificate is ever asked for, shown or expected.
    private static readonly string[] Idle = ["-expect-no-peer-cert", "-verify-peer", "-require-any-client-certificate", "-async", "-use-early-callback"];
    private static readonly string[] IdleWithValue = ["-cert-file", "-key-file", "-signing-prefs", "-trust-cert", "-handshaker-path"];

    internal int Port { get; private set; }
    internal ulong ShimId { get; private set; }
    internal bool IsIPv6 { get; private set; }
    internal bool IsServer { get; private set; }
    internal bool AsksForHandshaker { get; private set; }
    internal int ResumeCount { get; private set; }
    internal List<ShimCredential> Credentials { get; } = [];

    /// <summary>The PSK of TLS 1.2, as it is; null in a test of TLS 1.3.</summary>
    internal ShimCredential? Tls12 { get; private set; }

    internal ConnectionFlags Initial { get; } = new();
    internal ConnectionFlags Resume { get; } = new();

    internal static ShimFlags Parse(string[] args)
    {
        var flags = new ShimFlags();
        for (int i = 0; i < args.Length; i++)
            flags.Take(args[i], () => ++i < args.Length ? args[i] : throw new NotImplementedHereException($"{args[i - 1]} without its value"));
        return flags;
    }

    private void Take(string flag, Func<string> value)
    {
        if (Idle.Contains(flag))
            return;
        if (IdleWithValue.Contains(flag))
        {
            value();
            return;
        }
        if (flag.StartsWith("-new-", StringComparison.Ordinal) && Kinds.Contains(flag["-new-".Length..^"-credential".Length]))
        {
            Credentials.Add(new ShimCredential());
            return;
        }
        if (!TakeGlobal(flag, value) && !TakePsk(flag, value) && !TakeConnection(flag, value))
            throw new NotImplementedHereException(flag);
    }

    private bool TakeGlobal(string flag, Func<string> value)
    {
        switch (flag)
        {
            case "-port": Port = int.Parse(value(), CultureInfo.InvariantCulture); return true;
            case "-shim-id": ShimId = ulong.Parse(value(), CultureInfo.InvariantCulture); return true;
            case "-ipv6": return IsIPv6 = true;
            case "-server": return IsServer = true;
            case "-is-handshaker-supported": return AsksForHandshaker = true;
            case "-resume-count": ResumeCount = int.Parse(value(), CultureInfo.InvariantCulture); return true;
            default: return false;
        }
    }

    private bool TakePsk(string flag, Func<string> value)
    {
        switch (flag)
        {
            case "-psk": (Tls12 ??= new()).Key = Encoding.ASCII.GetBytes(value()); return true;
            case "-psk-identity": (Tls12 ??= new()).Identity = Encoding.ASCII.GetBytes(value()); return true;
            case "-new-psk-credential": Credentials.Add(new ShimCredential { IsPsk = true }); return true;
            case "-psk-importer-key": Credentials[^1].Key = Convert.FromBase64String(value()); return true;
            case "-psk-importer-identity": Credentials[^1].Identity = Convert.FromBase64String(value()); return true;
            case "-psk-importer-context": Credentials[^1].Context = Convert.FromBase64String(value()); return true;
            case "-psk-importer-sha256": Credentials[^1].Hash = PskHash.Sha256; return true;
            case "-psk-importer-sha384": Credentials[^1].Hash = PskHash.Sha384; return true;
            default: return false;
        }
    }

    // Without a prefix a flag is for every connection.
    private bool TakeConnection(string flag, Func<string> value)
    {
        bool initial = !flag.StartsWith("-on-resume-", StringComparison.Ordinal), resume = !flag.StartsWith("-on-initial-", StringComparison.Ordinal);
        string name = "-" + flag.Replace("-on-resume-", "", StringComparison.Ordinal).Replace("-on-initial-", "", StringComparison.Ordinal).TrimStart('-');
        string? argument = ConnectionFlags.WantsValue(name) ? value() : null;
        return (!initial || Initial.Take(name, argument)) && (!resume || Resume.Take(name, argument));
    }
}

/// <summary>What one connection is to do and to be.</summary>
internal sealed class ConnectionFlags
{
    internal int? SelectedCredential { get; private set; }
    internal bool ExpectsNoSession { get; private set; }
    internal bool ExpectsSessionMiss { get; private set; }
    internal bool WritesFirst { get; private set; }
    internal bool ShutsDown { get; private set; }
    internal bool UpdatesKeysBeforeRead { get; private set; }

    internal static bool WantsValue(string name) => name is "-expect-selected-credential" or "-min-version" or "-max-version" or "-expect-version";

    internal bool Take(string name, string? value)
    {
        switch (name)
        {
            case "-expect-selected-credential": SelectedCredential = int.Parse(value!, CultureInfo.InvariantCulture); return true;
            case "-expect-no-session": return ExpectsNoSession = true;
            case "-expect-session-miss": return ExpectsSessionMiss = true;
            case "-shim-writes-first": return WritesFirst = true;
            case "-shim-shuts-down": return ShutsDown = true;
            case "-key-update-before-read": return UpdatesKeysBeforeRead = true;
            case "-min-version" or "-max-version" or "-expect-version" when value is "771" or "772": return true;
            default: return false;
        }
    }
}
