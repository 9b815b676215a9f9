using System.CommandLine;
using System.Security.Cryptography;
using System.Text;
using IotPsk.Gateway.Configuration;
using IotPsk.Keys;
using IotPsk.Shared;

namespace IotPsk.Gateway.Cli;

/// <summary><c>device credentials</c>: derives a device's key in the TPM and writes it in the form its client reads.</summary>
internal static class CredentialsCommand
{
    internal static Command Create(CommonOptions common, CommandConsole console)
    {
        Argument<string> id = DeviceCommands.IdArgument();
        var use = new Option<string>("--for") { Description = "imported (RFC 9258), tls13 (clients that cannot import) or tls12", DefaultValueFactory = _ => "imported" };
        use.AcceptOnlyFromAmong("imported", "tls13", "tls12");
        var format = new Option<string>("--format") { Description = "bundle, json, csv or openssl", Required = true };
        format.AcceptOnlyFromAmong("bundle", "json", "csv", "openssl");
        var file = new Option<string?>("-o") { Description = "Writes to FILE, readable by its owner only; it must not exist yet", HelpName = "FILE" };
        var address = new Option<string?>("--address") { Description = "Where the device finds the gateway, for the bundle (default: the mqtt listener)", HelpName = "HOST:PORT" };
        var show = new Option<bool>("--show") { Description = "Lets the secret go to a terminal" };
        var command = new Command("credentials", "Writes the credentials of a device. Example: iotpsk device credentials sensor-0001 --for imported --format bundle -o sensor-0001.cred")
            { id, use, format, file, address, show };
        command.SetAction(parsed => Run(common, console, parsed, parsed.GetValue(id)!, parsed.GetValue(use)!, parsed.GetValue(format)!,
            parsed.GetValue(file), parsed.GetValue(address), parsed.GetValue(show)));
        return command;
    }

    private static int Run(CommonOptions common, CommandConsole console, ParseResult parsed, string id, string use, string format, string? file, string? address, bool show)
    {
        Check(console, id, use, format, file, show);
        GatewayConfiguration configuration = common.Configuration(parsed);
        using SqliteRegistry registry = SqliteRegistry.Open(StateDirectory.Open(configuration.State));
        FleetRecord fleet = registry.RequireFleet();
        DeviceRecord device = registry.Find(id) ?? throw DeviceCommands.Unknown(id);
        if (device.IsRevoked)
            throw new UserError($"{id} is revoked", "in the registry", "use another device; credentials of a revoked one would be refused");
        string? endpoint = format == "bundle" ? Endpoint(configuration, address) : null;
        using var tpm = new EsysTpm(configuration.Tpm.Tcti);
        tpm.Open();
        FleetSelfTest.Run(tpm, fleet);
        byte[] content = format == "bundle"
            ? Bundle(tpm, fleet, device, endpoint!)
            : Encoding.ASCII.GetBytes(Line(tpm, fleet, device, Use(use), format));
        try
        {
            Write(console, content, file, format == "bundle");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
        return 0;
    }

    private static void Check(CommandConsole console, string id, string use, string format, string? file, bool show)
    {
        if (format == "bundle" && use != "imported")
            throw new UserError("a bundle holds the imported key", "--for", "leave --for out, or pick --format json", UserError.Usage);
        if (format == "openssl" && use == "imported")
            throw new UserError("openssl cannot import keys and takes those of tls13 or tls12", "--for", "add --for tls13", UserError.Usage);
        if (format == "openssl" && id.Contains(':'))
            throw new UserError($"the id {id} has a ':'", "--format openssl", "pick --format json, or an id without ':'", UserError.Usage);
        if (file is null && !console.Redirected && !show)
            throw new UserError("the secret would be shown on the terminal", "device credentials", "write it to a file with -o FILE, or insist with --show", UserError.Usage);
    }

    private static KeyUse Use(string name) => name switch
    {
        "tls13" => KeyUse.External13,
        "tls12" => KeyUse.Psk12,
        _ => KeyUse.ImportedTls13Sha256,
    };

    private static string Endpoint(GatewayConfiguration configuration, string? address)
    {
        if (address is not null)
        {
            return EndpointAddress.TryParseHostAndPort(address, out _, out _, out string fault)
                ? address
                : throw new UserError($"\"{address}\" {fault}", "--address", "write HOST:PORT", UserError.Usage);
        }
        ListenerConfiguration? listener = configuration.Listeners.FirstOrDefault(l => l.Protocol == ListenerProtocol.Mqtt);
        if (listener is null || listener.Listen.Host is "0.0.0.0" or "::")
            throw new UserError("where devices find the gateway is not known", "the bundle's address", "add --address HOST:PORT", UserError.Usage);
        return listener.Listen.HostAndPort;
    }

    private static byte[] Bundle(EsysTpm tpm, FleetRecord fleet, DeviceRecord device, string endpoint)
    {
        using DeviceKey imported = DeviceKey.Derive(tpm, fleet, device, KeyUse.ImportedTls13Sha256);
        using DeviceKey legacy = DeviceKey.Derive(tpm, fleet, device, KeyUse.Psk12);
        var bundle = new CredentialBundle
        {
            DeviceId = device.Id,
            ServerId = fleet.ServerId,
            TlsAddress = endpoint,
            Tls13Identity = imported.Identity,
            Tls13Key = imported.Key.ToArray(),
            Tls12Identity = legacy.Identity,
            Tls12Key = legacy.Key.ToArray(),
            RecordSizeLimit = 1024,
            UseConnectionId = true,
            Epoch = imported.Id.Epoch,
        };
        try
        {
            return bundle.Encode();
        }
        finally
        {
            bundle.Clear();
        }
    }

    private static string Line(EsysTpm tpm, FleetRecord fleet, DeviceRecord device, KeyUse use, string format)
    {
        using DeviceKey key = DeviceKey.Derive(tpm, fleet, device, use);
        string hex = Convert.ToHexStringLower(key.Key);
        // An imported identity is binary: in text it goes as hexadecimal.
        string identity = use.IsImported() ? Convert.ToHexStringLower(key.Identity) : key.ExternalIdentity;
        return format switch
        {
            "csv" => $"{identity},{hex}\n",
            "openssl" => $"-psk_identity {identity} -psk {hex} {(use == KeyUse.Psk12 ? "-tls1_2" : "-tls1_3")}\n",
            _ => $$"""{ "device": "{{device.Id}}", "identity": "{{identity}}", "identityIsHex": {{(use.IsImported() ? "true" : "false")}}, "key": "{{hex}}", "imported": {{(use.IsImported() ? "true" : "false")}}, "serverId": "{{fleet.ServerId}}", "epoch": {{key.Id.Epoch}} }""" + "\n",
        };
    }

    private static void Write(CommandConsole console, byte[] content, string? file, bool binary)
    {
        if (file is null)
        {
            if (!binary)
            {
                console.Output.Write(Encoding.ASCII.GetString(content));
                return;
            }
            using Stream standard = Console.OpenStandardOutput();
            standard.Write(content);
            return;
        }
        try
        {
            using var stream = new FileStream(file, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
            stream.Write(content);
            stream.Flush(flushToDisk: true);
        }
        catch (IOException e) when (File.Exists(file))
        {
            throw new UserError("the file exists already", file, "name another one, or remove it", cause: e);
        }
    }
}
