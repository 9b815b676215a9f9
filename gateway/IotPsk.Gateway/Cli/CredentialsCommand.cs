using System.CommandLine;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Gateway.Configuration;
using IotPsk.Keys;

namespace IotPsk.Gateway.Cli;

/// <summary><c>device credentials</c>: derives keys in the TPM and writes them in the form their clients read.</summary>
internal sealed class CredentialsCommand
{
    private readonly CommonOptions _common;
    private readonly CommandConsole _console;
    private readonly Argument<string?> _id = DeviceCommands.OptionalIdArgument();
    private readonly Option<string> _use = new("--for") { Description = "imported (RFC 9258), tls13 (clients that cannot import) or tls12", DefaultValueFactory = _ => "imported" };
    private readonly Option<string> _format = new("--format") { Description = "bundle, json, csv, openssl or mosquitto", Required = true };
    private readonly Option<string?> _output = new("-o") { Description = "Writes to FILE, readable by its owner only; it must not exist yet. Bundles of many devices go to a directory", HelpName = "FILE" };
    private readonly Option<string?> _address = new("--address") { Description = "Where the device finds the gateway, for the bundle (default: the mqtt listener); over DTLS at the same host and the port of the lwm2m listener", HelpName = "HOST:PORT" };
    private readonly Option<bool> _show = new("--show") { Description = "Lets the secret go to a terminal" };
    private readonly Option<bool> _all = new("--all") { Description = "Of every device that is not revoked and has no key of its own" };
    private readonly Option<string?> _csv = new("--from-csv") { Description = "Of the devices of FILE, whose first column is the id; a first line that says id or device is a header", HelpName = "FILE" };

    private CredentialsCommand(CommonOptions common, CommandConsole console) => (_common, _console) = (common, console);

    internal static Command Create(CommonOptions common, CommandConsole console)
    {
        var credentials = new CredentialsCommand(common, console);
        credentials._use.AcceptOnlyFromAmong("imported", "tls13", "tls12");
        credentials._format.AcceptOnlyFromAmong("bundle", "json", "csv", "openssl", "mosquitto");
        var command = new Command("credentials", "Writes the credentials of a device, or of many. Examples: iotpsk device credentials sensor-0001 --for imported --format bundle -o sensor-0001.cred; " +
            "iotpsk device credentials --all --format bundle --address gw.example:8883 -o bundles")
            { credentials._id, credentials._all, credentials._csv, credentials._use, credentials._format, credentials._output, credentials._address, credentials._show };
        command.SetAction(credentials.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        string? id = parsed.GetValue(_id), csv = parsed.GetValue(_csv), output = parsed.GetValue(_output);
        string format = parsed.GetValue(_format)!, use = parsed.GetValue(_use)!;
        bool all = parsed.GetValue(_all);
        int ways = (id is null ? 0 : 1) + (csv is null ? 0 : 1) + (all ? 1 : 0);
        if (ways != 1)
        {
            throw new UserError(ways == 0 ? "it is not said which devices" : "the devices are named in more than one way", "device credentials",
                "give an ID, --all or --from-csv FILE", UserError.Usage);
        }
        Check(format, use, output, parsed.GetValue(_show), id is null);
        GatewayConfiguration configuration = _common.Configuration(parsed);
        using IRegistry registry = RegistryAccess.Open(configuration);
        FleetRecord fleet = registry.RequireFleet();
        if (fleet.MissingEpochs.LastOrDefault() is { } missing && missing.Number > fleet.ActiveEpoch!.Number)
        {
            throw new UserError($"the key of epoch {missing.Number}, which is the fleet's newest, is not in this gateway's TPM", "fleet status",
                "make credentials on a gateway that has it, or take it over with iotpsk fleet import");
        }
        IReadOnlyList<DeviceRecord> devices = id is not null ? [One(registry, id)] : csv is not null ? OfFile(registry, csv) : All(registry);
        foreach (DeviceRecord device in devices)
            CheckId(device.Id, format);
        string? endpoint = format == "bundle" ? Endpoint(configuration, parsed.GetValue(_address)) : null;
        if (output is not null && (id is not null || format != "bundle") && Path.Exists(output))
            throw new UserError("the file exists already", output, "name another one, or remove it");
        using var tpm = TpmAccess.Create(configuration.Tpm, fleet);
        tpm.Open();
        FleetSelfTest.Run(tpm, fleet);
        var writer = new CredentialWriter(tpm, fleet, format, CredentialWriter.Use(use)) { DtlsAddress = DatagramEndpoint(configuration, parsed.GetValue(_address)) };
        if (id is not null)
            WriteOne(writer, devices[0], endpoint, output);
        else
            WriteMany(parsed, new FleetCredentials(writer, devices, _console), endpoint, output);
        if (output is not null && (id is not null || endpoint is null))
        {
            _console.Print(_common.Json(parsed), new JsonObject { ["file"] = output, ["devices"] = devices.Count },
                $"credentials of {(id is null ? $"{devices.Count} devices" : id)} are written to {output}");
        }
        return 0;
    }

    private void Check(string format, string use, string? output, bool show, bool many)
    {
        if (format == "bundle" && use != "imported")
            throw new UserError("a bundle holds the imported key", "--for", "leave --for out, or pick --format json", UserError.Usage);
        if (format is "openssl" or "mosquitto" && use == "imported")
            throw new UserError($"{format} cannot import keys and takes those of tls13 or tls12", "--for", "add --for tls13", UserError.Usage);
        if (format == "bundle" && many && output is null)
            throw new UserError("bundles of many devices go to a directory", "device credentials", "add -o DIRECTORY", UserError.Usage);
        if (output is null && !_console.Redirected && !show)
            throw new UserError("the secret would be shown on the terminal", "device credentials", "write it to a file with -o FILE, or insist with --show", UserError.Usage);
    }

    private static void CheckId(string id, string format)
    {
        if (format is "openssl" or "mosquitto" && id.Contains(':'))
            throw new UserError($"the id {id} has a ':'", $"--format {format}", "pick --format json, or an id without ':'", UserError.Usage);
    }

    private static DeviceRecord One(IRegistry registry, string id)
    {
        DeviceRecord device = registry.Find(id) ?? throw DeviceCommands.Unknown(id);
        return device.IsRevoked
            ? throw new UserError($"{id} is revoked", "in the registry", "use another device; credentials of a revoked one would be refused")
            : device;
    }

    private static DeviceRecord[] All(IRegistry registry)
    {
        // Keys of the devices' own were handed out at enrolment.
        DeviceRecord[] devices = [.. registry.Devices.Where(device => !device.IsRevoked && device.Mode == DeviceMode.Derived).OrderBy(device => device.Id, StringComparer.Ordinal)];
        return devices.Length > 0 ? devices : throw new UserError("there is no device whose key can be derived", "in the registry", "enroll one: iotpsk device enroll ID");
    }

    private static List<DeviceRecord> OfFile(IRegistry registry, string csv)
    {
        var devices = new List<DeviceRecord>();
        var faults = new List<string>();
        foreach ((int line, string id) in DeviceIdFile.Read(csv))
        {
            if (!registry.TryGetDevice(id, out DeviceRecord? device))
                faults.Add(DeviceIdFile.Fault(csv, line, $"there is no device {id}", "enroll it: iotpsk device enroll --from-csv FILE"));
            else if (device.Mode != DeviceMode.Derived)
                faults.Add(DeviceIdFile.Fault(csv, line, $"{id} has a key of its own", "remove the line; its credentials were written at its enrolment"));
            else if (device.IsRevoked)
                faults.Add(DeviceIdFile.Fault(csv, line, $"{id} is revoked", "remove the line; credentials of a revoked device would be refused"));
            else
                devices.Add(device);
        }
        DeviceIdFile.Refuse(faults);
        return devices;
    }

    /// <summary>Where devices find the gateway: as given, else the mqtt listener.</summary>
    internal static string Endpoint(GatewayConfiguration configuration, string? address)
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

    /// <summary>Where devices find the lwm2m listener: on the host that was given, else where it listens; null if there is none, or nobody knows.</summary>
    internal static string? DatagramEndpoint(GatewayConfiguration configuration, string? address)
    {
        if (configuration.Listeners.FirstOrDefault(l => l.Protocol == ListenerProtocol.Lwm2m) is not { } listener)
            return null;
        if (address is not null && EndpointAddress.TryParseHostAndPort(address, out string host, out _, out _))
            return (listener.Listen with { Host = host }).HostAndPort;
        return listener.Listen.Host is "0.0.0.0" or "::" ? null : listener.Listen.HostAndPort;
    }

    private void WriteOne(CredentialWriter writer, DeviceRecord device, string? endpoint, string? output)
    {
        using var text = new SecretText(CredentialWriter.MaxLine);
        byte[] bundle = [];
        if (endpoint is null)
            writer.Line(device, text);
        else
            bundle = writer.Bundle(device, endpoint);
        try
        {
            if (output is not null)
                SecretFile.Create(output, stream => stream.Write(endpoint is null ? text.Bytes : bundle));
            else if (endpoint is null)
                _console.Output.Write(Encoding.ASCII.GetString(text.Bytes));
            else
                ToStandardOutput(stream => stream.Write(bundle));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bundle);
        }
    }

    private void WriteMany(ParseResult parsed, FleetCredentials credentials, string? endpoint, string? output)
    {
        if (endpoint is not null)
        {
            (JsonObject document, string text) = credentials.Bundles(output!, endpoint);
            _console.Print(_common.Json(parsed), document, text);
        }
        else if (output is not null)
        {
            SecretFile.Create(output, credentials.Lines);
        }
        else
        {
            ToStandardOutput(credentials.Lines);
        }
    }

    private static void ToStandardOutput(Action<Stream> write)
    {
        using Stream standard = Console.OpenStandardOutput();
        write(standard);
    }
}
