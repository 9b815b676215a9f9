using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
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
    private readonly Option<string?> _csv = new("--from-csv") { Description = "Enrolls the devices of FILE, whose first column is the id", HelpName = "FILE" };

    private EnrollCommand(CommonOptions common, CommandConsole console) => (_common, _console) = (common, console);

    internal static Command Create(CommonOptions common, CommandConsole console)
    {
        var enroll = new EnrollCommand(common, console);
        var command = new Command("enroll", "Enrolls devices; again is harmless. Examples: iotpsk device enroll sensor-0001; iotpsk device enroll sensor-0001 --count 1000; iotpsk device enroll --from-csv batch.csv")
            { enroll._id, enroll._count, enroll._csv };
        command.SetAction(enroll.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        string? id = parsed.GetValue(_id), csv = parsed.GetValue(_csv);
        if ((id is null) == (csv is null))
            throw new UserError("it is not said which devices", "device enroll", "give an ID, or --from-csv FILE", UserError.Usage);
        if (csv is not null && parsed.GetValue(_count) is not null)
            throw new UserError("--count stands beside --from-csv", "device enroll", "leave one of them out", UserError.Usage);
        IReadOnlyList<string> ids = csv is not null ? [.. DeviceIdFile.Read(csv).Select(line => line.Id)] : Row(id!, parsed.GetValue(_count));
        using SqliteRegistry registry = _common.OpenRegistry(parsed);
        registry.RequireFleet();
        if (csv is null && parsed.GetValue(_count) is null)
            One(parsed, registry, id!);
        else
            Many(parsed, registry, ids);
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

    private void One(ParseResult parsed, SqliteRegistry registry, string id)
    {
        (DeviceRecord record, bool isNew) = registry.Enrol(id);
        RunningGateway.Tell(_common, _console, parsed, RunningGateway.Refresh);
        JsonObject document = DeviceCommands.Describe(record);
        document["new"] = isNew;
        _console.Print(_common.Json(parsed), document, isNew ? $"{id} is enrolled" : $"{id} was enrolled already{(record.IsRevoked ? " and is revoked" : "")}");
    }

    private void Many(ParseResult parsed, SqliteRegistry registry, IReadOnlyList<string> ids)
    {
        var progress = new Progress(_console.Errors, "enrolling", ids.Count);
        int added = registry.EnrolMany(ids, progress: progress.Report);
        RunningGateway.Tell(_common, _console, parsed, RunningGateway.Refresh);
        var document = new JsonObject { ["devices"] = ids.Count, ["new"] = added, ["first"] = ids[0], ["last"] = ids[^1] };
        string already = added == ids.Count ? "" : string.Create(CultureInfo.InvariantCulture, $"; {ids.Count - added} were enrolled already");
        _console.Print(_common.Json(parsed), document, string.Create(CultureInfo.InvariantCulture, $"{added} devices are enrolled{already}"));
    }
}
