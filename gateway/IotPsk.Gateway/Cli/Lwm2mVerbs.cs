using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Gateway.Admin;
using IotPsk.Lwm2m;

namespace IotPsk.Gateway.Cli;

/// <summary><c>lwm2m list | read | write | ...</c>: asks registered devices through the running gateway.</summary>
internal static class Lwm2mVerbs
{
    internal static Command Create(CommonOptions common, CommandConsole console)
    {
        var lwm2m = new Command("lwm2m", "LwM2M devices, through the running gateway. Paths are /OBJECT/INSTANCE/RESOURCE; a device that sleeps is asked when it wakes");
        lwm2m.Subcommands.Add(List(common, console));
        foreach ((string verb, string what, string example, string? value) in (ReadOnlySpan<(string, string, string, string?)>)[
            ("read", "Reads an object, an instance or a resource, or several at once", "/3303/0/5700", null),
            ("write", "Writes a resource, or an instance by SenML-JSON", "/3303/0/5701 Cel", "VALUE"),
            ("update", "Writes some resources of an instance by SenML-JSON", "/1/0 '[{\"n\":\"/1/0/1\",\"v\":60}]'", "VALUE"),
            ("execute", "Executes a resource, such as /3/0/4, which reboots it", "/3/0/4", "ARGUMENTS"),
            ("create", "Makes an instance of an object by SenML-JSON", "/3303", "VALUE"),
            ("delete", "Removes an instance", "/3303/1", null),
            ("discover", "Lists what is below a path, with its attributes", "/3303", null),
            ("attributes", "Sets attributes", "/3303/0/5700 'pmin=10&pmax=60'", "ATTRIBUTES"),
            ("observe", "Has the device report a path from now on; iotpsk events shows what comes", "/3303/0/5700", null),
            ("cancel", "Ends that", "/3303/0/5700", null)])
        {
            lwm2m.Subcommands.Add(Ask(common, console, verb, $"{what}. Example: iotpsk lwm2m {verb} sensor-0001 {example}", value));
        }
        lwm2m.Subcommands.Add(Firmware(common, console));
        return lwm2m;
    }

    private static Command List(CommonOptions common, CommandConsole console)
    {
        var list = new Command("list", "Lists the registrations. Example: iotpsk lwm2m list --json");
        list.SetAction(parsed =>
        {
            using var admin = new AdminClient(common.Configuration(parsed).Admin.Socket);
            JsonArray registrations = admin.Ask(HttpMethod.Get, "/registrations").AsArray();
            var text = new StringBuilder();
            foreach (JsonNode? device in registrations)
            {
                text.Append(text.Length == 0 ? "" : "\n").Append(CultureInfo.InvariantCulture,
                    $"{device!["device"],-32} LwM2M {device["version"]}, lifetime {device["lifetime"]} s{(device["queueMode"]!.GetValue<bool>() ? ", sleeps" : "")}, {string.Join(' ', device["objects"]!.AsArray())}");
            }
            console.Print(common.Json(parsed), registrations, text.Length == 0 ? "no device is registered" : text.ToString());
            return 0;
        });
        return list;
    }

    private static Command Ask(CommonOptions common, CommandConsole console, string verb, string description, string? valueName)
    {
        Argument<string> id = DeviceCommands.IdArgument();
        bool takesMany = verb is "read" or "observe" or "cancel";
        var one = new Argument<string>("PATH") { Description = "Where, like /3303/0/5700" };
        var many = new Argument<string[]>("PATH") { Description = "Where, like /3303/0/5700; may be given several times", Arity = ArgumentArity.OneOrMore };
        Option<int> seconds = Seconds("How long it may take, 1..86400 seconds", 90);
        var command = new Command(verb, description) { id, seconds };
        command.Arguments.Add(takesMany ? many : one);
        Argument<string?>? value = valueName is null ? null : new(valueName) { Description = "What to write", Arity = ArgumentArity.ZeroOrOne };
        if (value is not null)
            command.Arguments.Add(value);
        command.SetAction(parsed =>
        {
            string[] paths = [.. (takesMany ? parsed.GetValue(many)! : [parsed.GetValue(one)!]).Select(Path)];
            JsonNode? given = paths.Length > 1 ? new JsonArray([.. paths.Select(each => (JsonNode)each)]) : value is null ? null : Value(parsed.GetValue(value));
            Send(common, console, parsed, parsed.GetValue(id)!, paths.Length > 1 ? verb : verb + paths[0], $"{verb} {string.Join(' ', paths)}", parsed.GetValue(seconds), given, "see iotpsk lwm2m discover for what the device has");
            return 0;
        });
        return command;
    }

    private static Command Firmware(CommonOptions common, CommandConsole console)
    {
        Argument<string> id = DeviceCommands.IdArgument();
        var file = new Argument<string>("FILE") { Description = "The name of an image in Lwm2m.FirmwareDirectory" };
        var pull = new Option<bool>("--pull") { Description = "The device fetches it from Lwm2m.FirmwareUri, instead of being brought it" };
        Option<int> seconds = Seconds("How long to wait for the end, 1..86400 seconds; the update goes on after that", 3600);
        var command = new Command("firmware", "Updates the firmware of a device, and tells how that ended once it has started anew. Example: iotpsk lwm2m firmware sensor-0001 app-2.bin") { id, file, pull, seconds };
        command.SetAction(parsed =>
        {
            var update = new JsonObject { ["file"] = parsed.GetValue(file), ["method"] = parsed.GetValue(pull) ? "pull" : "push" };
            Send(common, console, parsed, parsed.GetValue(id)!, "firmware", "firmware " + parsed.GetValue(file), parsed.GetValue(seconds), update, "see the gateway's log");
            return 0;
        });
        return command;
    }

    private static Option<int> Seconds(string description, int usual) => new("--timeout") { Description = description, DefaultValueFactory = _ => usual, HelpName = "SECONDS" };

    private static string Path(string text) => ObjectPath.TryParse(text, out ObjectPath path) ? path.ToString() : throw new UserError($"\"{text}\" is no path", "PATH", "write it like /3303/0/5700", UserError.Usage);

    private static void Send(CommonOptions common, CommandConsole console, ParseResult parsed, string id, string command, string what, int seconds, JsonNode? value, string mend)
    {
        if (seconds is < 1 or > 86_400)
            throw new UserError($"{seconds} is outside 1..86400", "--timeout", "correct it", UserError.Usage);
        using var admin = new AdminClient(common.Configuration(parsed).Admin.Socket, TimeSpan.FromSeconds(seconds + 10));
        JsonNode answer = admin.Ask(HttpMethod.Post, $"/registrations/{Uri.EscapeDataString(id)}/{command}", new JsonObject { ["timeout"] = seconds, ["value"] = value }.ToJsonString());
        if (answer["error"] is { } error)
            throw new UserError(error.GetValue<string>().TrimEnd('.'), id, "see iotpsk lwm2m list");
        string code = answer["code"]!.GetValue<string>();
        if (answer["failure"] is not null || code[0] != '2')
            throw new UserError($"{code} {answer["reason"]?.GetValue<string>().TrimEnd('.') ?? "the device refused"}", $"{what} of {id}", mend);
        console.Print(common.Json(parsed), answer, Text(answer, code));
    }

    // SenML is a list; all else is the text of a resource.
    private static JsonNode? Value(string? value)
    {
        if (value is null || !value.TrimStart().StartsWith('['))
            return value;
        try
        {
            return JsonNode.Parse(value);
        }
        catch (System.Text.Json.JsonException e)
        {
            throw new UserError("the value begins like SenML-JSON and is none", "VALUE", "write it like [{\"n\":\"/1/0/1\",\"v\":60}]", UserError.Usage, e);
        }
    }

    private static string Text(JsonNode answer, string code)
    {
        if (answer["links"] is { } links)
            return links.GetValue<string>().Replace(",<", "\n<", StringComparison.Ordinal);
        if (answer["location"] is { } location)
            return $"{code} {location}";
        if (answer["value"] is not JsonArray values)
            return code;
        string name = "";
        return string.Join('\n', values.Select(record =>
        {
            name = record!["bn"]?.GetValue<string>() ?? name;
            JsonNode? value = record["v"] ?? record["vs"] ?? record["vb"] ?? record["vd"];
            return $"{name}{record["n"]} {value} {record["u"]}".TrimEnd();
        }));
    }
}
