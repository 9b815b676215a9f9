using System.CommandLine;
using System.Security.Cryptography;
using IotPsk.Keys;

namespace IotPsk.Gateway.Cli;

/// <summary>The options of enrolment that make a key of the device's own.</summary>
internal sealed class OwnKeyOptions
{
    private readonly Option<string> _mode = new("--mode")
    {
        Description = "derived: from the fleet key. resident: a key of its own in the TPM, TLS 1.3. session: one that makes a PSK per session, (D)TLS 1.2",
        DefaultValueFactory = _ => "derived",
    };
    private readonly Option<string?> _keyFile = new("--key-file") { Description = "The device's key, raw bytes (default: from the TPM's generator)", HelpName = "FILE" };
    private readonly Option<string?> _keyPem = new("--key-pem") { Description = "The key, wrapped for this TPM already: TSS2 PRIVATE KEY. For resident devices it is epskx of RFC 9258", HelpName = "FILE" };
    private readonly Option<int> _randoms = new("--randoms") { Description = "Session mode: 32, or 28 where the client does not show gmt_unix_time", DefaultValueFactory = _ => SessionPsk.RandomSize };
    private readonly Option<string> _format = new("--format") { Description = "Of the credentials: csv, json or bundle", DefaultValueFactory = _ => "csv" };
    private readonly Option<string?> _output = new("-o") { Description = "Where the credentials of a new key go, which cannot be had again; many bundles go to a directory", HelpName = "FILE" };
    private readonly Option<string?> _address = new("--address") { Description = "Where the device finds the gateway, for the bundle (default: the mqtt listener); over DTLS at the same host and the port of the lwm2m listener", HelpName = "HOST:PORT" };

    internal OwnKeyOptions()
    {
        _mode.AcceptOnlyFromAmong("derived", "resident", "session");
        _format.AcceptOnlyFromAmong("csv", "json", "bundle");
    }

    internal void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_mode, _keyFile, _keyPem, _randoms, _format, _output, _address])
            command.Options.Add(option);
    }

    internal DeviceMode Mode(ParseResult parsed) => Enum.Parse<DeviceMode>(parsed.GetValue(_mode)!, ignoreCase: true);

    internal string Format(ParseResult parsed) => parsed.GetValue(_format)!;

    internal string? Output(ParseResult parsed) => parsed.GetValue(_output);

    internal string? Address(ParseResult parsed) => parsed.GetValue(_address);

    internal int Randoms(ParseResult parsed) => parsed.GetValue(_randoms);

    internal string? Pem(ParseResult parsed) => parsed.GetValue(_keyPem);

    /// <summary>Refuses options that contradict each other.</summary>
    internal void Check(ParseResult parsed, bool many)
    {
        DeviceMode mode = Mode(parsed);
        foreach (Option option in (Option[])[_keyFile, _keyPem, _randoms, _format, _output, _address])
        {
            bool given = parsed.GetResult(option) is { Implicit: false };
            if (given && mode == DeviceMode.Derived)
                throw new UserError($"{option.Name} has no meaning for derived keys", "device enroll", "leave it out, or add --mode resident or --mode session", UserError.Usage);
            if (given && option == _randoms && mode != DeviceMode.Session)
                throw new UserError("--randoms is for session mode", "device enroll", "leave it out", UserError.Usage);
        }
        if (Randoms(parsed) is not (SessionPsk.RandomSize or SessionPsk.ShortRandomSize))
            throw new UserError($"{Randoms(parsed)} bytes of each random are not supported", "--randoms", "give 32 or 28", UserError.Usage);
        if (mode == DeviceMode.Derived)
            return;
        bool file = parsed.GetValue(_keyFile) is not null, pem = Pem(parsed) is not null, output = Output(parsed) is not null;
        if (file && pem)
            throw new UserError("--key-file stands beside --key-pem", "device enroll", "leave one of them out", UserError.Usage);
        if ((file || pem) && many)
            throw new UserError("one key is not for many devices", "device enroll", "give one ID, or leave the key out: each device then gets its own", UserError.Usage);
        if (pem && output)
            throw new UserError("a wrapped key cannot be read, so no credentials are made from it", "-o", "leave it out", UserError.Usage);
        if (!file && !pem && !output)
            throw new UserError("the key is made now and cannot be had again", "device enroll", "add -o FILE for the credentials", UserError.Usage);
    }

    /// <summary>The key of --key-file, null without; a weak one is refused, a suspicious one warned about.</summary>
    internal byte[]? ReadKey(ParseResult parsed, CommandConsole console)
    {
        if (parsed.GetValue(_keyFile) is not { } path)
            return null;
        byte[] key = GC.AllocateUninitializedArray<byte>(KeyStrength.MaxSize + 1, pinned: true);
        using var file = new FileStream(path, new FileStreamOptions { BufferSize = 0 });
        int length = file.ReadAtLeast(key, key.Length, throwOnEndOfStream: false);
        try
        {
            if (KeyStrength.Check(key.AsSpan(0, length), path) is { } warning)
                console.Errors.WriteLine($"iotpsk: warning: {warning}");
            byte[] exact = GC.AllocateUninitializedArray<byte>(length, pinned: true);
            key.AsSpan(0, length).CopyTo(exact);
            return exact;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }
}
