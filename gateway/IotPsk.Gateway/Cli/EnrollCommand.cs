using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using IotPsk.Gateway.Configuration;
using IotPsk.Keys;
using IotPsk.Shared;

namespace IotPsk.Gateway.Cli;

/// <summary><c>device enroll</c>: one device, a numbered row of them, or those of a file; all or none.</summary>
internal sealed class EnrollCommand
{
    private const int MaxCount = 10_000_000;
    private readonly CommonOptions _common;
    private readonly CommandConsole _console;
    private readonly Argument<string?> _id = DeviceCommands.OptionalIdArgument();
    private readonly Option<int?> _count = new("--count") { Description = "Enrolls N devices: ID ends in the first number, like sensor-0001", HelpName = "N" };
    private readonly Option<string?> _csv = new("--from-csv") { Description = "Enrolls the devices of FILE, whose first column is the id; a first line that says id or device is a header", HelpName = "FILE" };

    private readonly OwnKeyOptions _own = new();

    private EnrollCommand(CommonOptions common, CommandConsole console) => (_common, _console) = (common, console);

    internal static Command Create(CommonOptions common, CommandConsole console)
    {
        var enroll = new EnrollCommand(common, console);
        var command = new Command("enroll", "Enrolls devices; again is harmless. Examples: iotpsk device enroll sensor-0001; iotpsk device enroll sensor-0001 --count 1000; iotpsk device enroll --from-csv batch.csv")
            { enroll._id, enroll._count, enroll._csv };
        enroll._own.AddTo(command);
        command.SetAction(enroll.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        string? id = parsed.GetValue(_id), csv = parsed.GetValue(_csv);
        if ((id is null) == (csv is null))
        {
            throw new UserError(id is null ? "it is not said which devices" : "an ID stands beside --from-csv", "device enroll",
                "give an ID, or --from-csv FILE", UserError.Usage);
        }
        if (csv is not null && parsed.GetValue(_count) is not null)
            throw new UserError("--count stands beside --from-csv", "device enroll", "leave one of them out", UserError.Usage);
        bool many = csv is not null || parsed.GetValue(_count) is not null;
        _own.Check(parsed, many);
        IReadOnlyList<string> ids = csv is not null ? [.. DeviceIdFile.Read(csv).Select(line => line.Id)] : Row(id!, parsed.GetValue(_count));
        GatewayConfiguration configuration = _common.Configuration(parsed);
        using IRegistry registry = RegistryAccess.Open(configuration);
        FleetRecord fleet = registry.RequireFleet();
        if (_own.Mode(parsed) != DeviceMode.Derived)
            WithOwnKeys(parsed, configuration, registry, fleet, ids, many);
        else if (many)
            Many(parsed, registry, ids);
        else
            One(parsed, registry, id!);
        return 0;
    }

    /// <summary>The ids that count on from the first one; leading zeros keep the width as long as it suffices.</summary>
    internal static IReadOnlyList<string> Row(string first, int? count)
    {
        if (count is not { } wanted)
            return [first];
        if (wanted is < 1 or > MaxCount)
            throw new UserError($"{wanted} is no number of devices", "--count", string.Create(CultureInfo.InvariantCulture, $"give 1 to {MaxCount}"), UserError.Usage);
        int digits = first.Reverse().TakeWhile(char.IsAsciiDigit).Count();
        string prefix = first[..^digits];
        if (digits is 0 or > 18)
            throw new UserError($"{first} does not end in a number to count on from", "--count", "write the first id, like sensor-0001", UserError.Usage);
        long start = long.Parse(first[^digits..], CultureInfo.InvariantCulture);
        string format = "D" + digits.ToString(CultureInfo.InvariantCulture);
        string last = prefix + (start + wanted - 1).ToString(format, CultureInfo.InvariantCulture);
        if (!DeviceId.IsValid(last))
            throw new UserError($"the last id would be {last}, which is none", "--count", $"a device id is {DeviceId.Rule}", UserError.Usage);
        var ids = new string[wanted];
        for (int i = 0; i < wanted; i++)
            ids[i] = prefix + (start + i).ToString(format, CultureInfo.InvariantCulture);
        return ids;
    }

    private void WithOwnKeys(ParseResult parsed, GatewayConfiguration configuration, IRegistry registry, FleetRecord fleet, IReadOnlyList<string> ids, bool many)
    {
        DeviceMode mode = _own.Mode(parsed);
        int randoms = _own.Randoms(parsed);
        string format = _own.Format(parsed);
        string? endpoint = format == "bundle" && _own.Output(parsed) is not null ? CredentialsCommand.Endpoint(configuration, _own.Address(parsed)) : null;
        string? datagrams = endpoint is null ? null : CredentialsCommand.DatagramEndpoint(configuration, _own.Address(parsed));
        byte[]? given = _own.ReadKey(parsed, _console);
        using var tpm = TpmAccess.Create(configuration.Tpm, fleet);
        tpm.Open();
        FleetSelfTest.Run(tpm, fleet);
        var enrolment = new OwnKeyEnrolment(new DeviceKeyMaker(tpm, fleet), registry, new OwnKeyCredential(fleet.ServerId, mode, randoms, format, endpoint, datagrams), _console);
        if (_own.Pem(parsed) is { } pem)
            enrolment.Pem(ids[0], mode, pem, randoms);
        else
            enrolment.Keys(ids, mode, given, randoms, _own.Output(parsed), directory: many && endpoint is not null);
        RunningGateway.Tell(_common, _console, parsed, RunningGateway.Refresh);
        var document = new JsonObject { ["devices"] = ids.Count, ["new"] = ids.Count, ["mode"] = mode.ToString().ToLowerInvariant(), ["first"] = ids[0], ["last"] = ids[^1] };
        string what = many ? string.Create(CultureInfo.InvariantCulture, $"{ids.Count} devices are enrolled") : $"{ids[0]} is enrolled";
        _console.Print(_common.Json(parsed), document, $"{what}, with {(many ? "keys of their own" : "a key of its own")} in the TPM, mode {mode.ToString().ToLowerInvariant()}");
    }

    private void One(ParseResult parsed, IRegistry registry, string id)
    {
        (DeviceRecord record, bool isNew) = registry.Enrol(id);
        RunningGateway.Tell(_common, _console, parsed, RunningGateway.Refresh);
        JsonObject document = DeviceCommands.Describe(record);
        document["new"] = isNew;
        _console.Print(_common.Json(parsed), document, isNew ? $"{id} is enrolled" : $"{id} was enrolled already{(record.IsRevoked ? " and is revoked" : "")}");
    }

    private void Many(ParseResult parsed, IRegistry registry, IReadOnlyList<string> ids)
    {
        var progress = new Progress(_console.Errors, "enrolling", ids.Count);
        int added = registry.EnrolMany(ids, progress: progress.Report);
        RunningGateway.Tell(_common, _console, parsed, RunningGateway.Refresh);
        var document = new JsonObject { ["devices"] = ids.Count, ["new"] = added, ["first"] = ids[0], ["last"] = ids[^1] };
        string already = added == ids.Count ? "" : string.Create(CultureInfo.InvariantCulture, $"; {ids.Count - added} were enrolled already");
        _console.Print(_common.Json(parsed), document, string.Create(CultureInfo.InvariantCulture, $"{added} devices are enrolled{already}"));
    }
}
