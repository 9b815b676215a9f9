using System.Runtime.CompilerServices;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Tls12;
using IotPsk.Tls.Tls12.Messages;

namespace IotPsk.Tls;

/// <summary>What the options of both roles must keep; each check returns a private copy, so nobody can change options in use.</summary>
internal static class OptionRules
{
    public static CipherSuite[] CipherSuites(IReadOnlyList<CipherSuite> value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        CipherSuite[] suites = Distinct(value, name);
        foreach (CipherSuite suite in suites)
        {
            if (!CipherSuiteParameters.TryGet(suite, out _))
                throw new ArgumentException($"cipher suite 0x{(ushort)suite:x4} is not supported", name);
        }

        return suites;
    }

    public static TlsProtocol[] Versions(IReadOnlyList<TlsProtocol> value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        TlsProtocol[] versions = Distinct(value, name);
        foreach (TlsProtocol version in versions)
        {
            if (version is not (TlsProtocol.Tls12 or TlsProtocol.Tls13))
                throw new ArgumentException($"version 0x{(ushort)version:x4} is not supported", name);
        }

        return versions;
    }

    public static CipherSuite[] Tls12CipherSuites(IReadOnlyList<CipherSuite> value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        CipherSuite[] suites = Distinct(value, name);
        foreach (CipherSuite suite in suites)
        {
            if (!Tls12Suite.TryGet(suite, out _))
                throw new ArgumentException($"cipher suite 0x{(ushort)suite:x4} is not supported in TLS 1.2", name);
        }

        return suites;
    }

    public static NamedGroup[] Groups(IReadOnlyList<NamedGroup> value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        NamedGroup[] groups = Distinct(value, name);
        foreach (NamedGroup group in groups)
        {
            if (group is not (NamedGroup.Secp256r1 or NamedGroup.X25519))
                throw new ArgumentException($"group 0x{(ushort)group:x4} is not supported", name);
        }

        return groups;
    }

    public static PskKeyExchangeMode[] Modes(IReadOnlyList<PskKeyExchangeMode> value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        PskKeyExchangeMode[] modes = Distinct(value, name);
        foreach (PskKeyExchangeMode mode in modes)
        {
            if (mode is not (PskKeyExchangeMode.PskKe or PskKeyExchangeMode.PskDheKe))
                throw new ArgumentException($"key exchange mode {(byte)mode} is not supported", name);
        }

        return modes;
    }

    public static int RecordSizeLimit(int value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (value is < Extensions.RecordSizeLimit.Min or > Extensions.RecordSizeLimit.Max)
            throw new ArgumentOutOfRangeException(name, value, "a record size limit is 64 to 16385 bytes (RFC 8449 s4)");
        return value;
    }

    public static int MaxFragmentLength(int value, [CallerArgumentExpression(nameof(value))] string? name = null) => value is 0 or 512 or 1024 or 2048 or 4096
        ? value
        : throw new ArgumentOutOfRangeException(name, value, "a fragment has at most 512, 1024, 2048 or 4096 bytes (RFC 6066 s4)");

    public static string? ServerName(string? value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (value is not null && (value.Length is 0 or > 255 || !System.Text.Ascii.IsValid(value)))
            throw new ArgumentException("a server name has 1 to 255 ASCII characters", name);
        return value;
    }

    public static ReadOnlyMemory<byte> PskIdentityHint(ReadOnlyMemory<byte> value, [CallerArgumentExpression(nameof(value))] string? name = null) =>
        value.Length <= ServerKeyExchange.MaxHintLength ? value.ToArray() : throw new ArgumentException($"a hint has at most {ServerKeyExchange.MaxHintLength} bytes", name);

    public static int RecordPadding(int value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (value is < 0 or > Records.RecordHeader.MaxPlaintext)
            throw new ArgumentOutOfRangeException(name, value, "records are padded to multiples of 0 (not at all) to 16384 bytes");
        return value;
    }

    public static ReadOnlyMemory<byte>[]? ApplicationProtocols(
        IReadOnlyList<ReadOnlyMemory<byte>>? value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (value is null || value.Count == 0)
            return null;
        var names = new ReadOnlyMemory<byte>[value.Count];
        for (int i = 0; i < names.Length; i++)
        {
            if (value[i].Length is 0 or > 255)
                throw new ArgumentException("the name of an application protocol has 1 to 255 bytes (RFC 7301 s3.1)", name);
            names[i] = value[i].ToArray();
        }

        return names;
    }

    private static T[] Distinct<T>(IReadOnlyList<T> value, string? name)
    {
        ArgumentNullException.ThrowIfNull(value, name);
        T[] copy = [.. value];
        if (copy.Length == 0)
            throw new ArgumentException("the list is empty", name);
        if (copy.Distinct().Count() != copy.Length)
            throw new ArgumentException("the list names something twice", name);
        return copy;
    }
}
