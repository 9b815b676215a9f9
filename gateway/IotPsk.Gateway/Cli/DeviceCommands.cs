using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Gateway.Admin;
using IotPsk.Gateway.Serving;
using IotPsk.Keys;
using IotPsk.Shared;

namespace IotPsk.Gateway.Cli;

/// <summary><c>device list | show | revoke | reinstate</c>; <c>enroll</c> and <c>credentials</c>.</summary>
internal static class DeviceCommands
{
    internal static Command Create(CommonOptions common, CommandConsole console)
    {
        var device = new Command("device", "The devices of the fleet");
        device.Subcommands.Add(EnrollCommand.Create(common, console));
        device.Subcommands.Add(List(common, console));
        device.Subcommands.Add(ForOne("show", "Shows a device. Example: iotpsk device show sensor-0001", (parsed, id) =>
        {
            using IRegistry registry = common.OpenRegistry(parsed);
            DeviceRecord record = registry.Find(id) ?? throw Unknown(id);
            JsonObject document = Describe(record);
            string text = $"{Line(record)}, in logs {LogName.Of(id)}";
            if (registry.FindKey(id) is { } key)
            {
                // No secret but in its own TPM, and what tpm2-tools load.
                document["wrappedKey"] = key.Pem;
                document["randoms"] = key.Mode == DeviceMode.Session ? key.Randoms : null;
                text += "\n" + key.Pem.TrimEnd();
            }
            console.Print(common.Json(parsed), document, text);
        }));
        device.Subcommands.Add(ForOne("revoke", "Revokes a device: it is refused from now on. Example: iotpsk device revoke sensor-0001", (parsed, id) =>
        {
            using IRegistry registry = common.OpenRegistry(parsed);
            if (registry.Find(id) is null)
                throw Unknown(id);
            // The gateway first: once the registry says so it ends the sessions by itself, and could not tell how many there were.
            JsonNode? told = RunningGateway.Tell(common, console, parsed, $"/devices/{Uri.EscapeDataString(id)}/revoke");
            (DeviceRecord record, bool changed) = registry.Revoke(id);
            changed |= told?["changed"]?.GetValue<bool>() == true;
            int? closed = told?["closedSessions"]?.GetValue<int>();
            JsonObject document = Describe(record);
            document["changed"] = changed;
            document["closedSessions"] = closed;
            console.Print(common.Json(parsed), document, (changed ? $"{id} is revoked" : $"{id} was revoked already")
                + (closed is { } count ? string.Create(CultureInfo.InvariantCulture, $"; live sessions closed: {count}") : ""));
        }));
        device.Subcommands.Add(ForOne("reinstate", "Lets a revoked device in again, with the key it has. Example: iotpsk device reinstate sensor-0001", (parsed, id) =>
        {
            using IRegistry registry = common.OpenRegistry(parsed);
            if (registry.Find(id) is null)
                throw Unknown(id);
            (DeviceRecord record, bool changed) = registry.Reinstate(id);
            RunningGateway.Tell(common, console, parsed, RunningGateway.Refresh);
            JsonObject document = Describe(record);
            document["changed"] = changed;
            console.Print(common.Json(parsed), document, changed ? $"{id} is let in again" : $"{id} was not revoked");
        }));
        device.Subcommands.Add(CredentialsCommand.Create(common, console));
        return device;
    }

    /// <summary>A device id as the first argument; what is no id is a usage error.</summary>
    internal static Argument<string> IdArgument()
    {
        var id = new Argument<string>("ID") { Description = $"Device id: {DeviceId.Rule}" };
        id.Validators.Add(Validate);
        return id;
    }

    /// <summary>The same, for verbs that have another way to name devices.</summary>
    internal static Argument<string?> OptionalIdArgument()
    {
        var id = new Argument<string?>("ID") { Description = $"Device id: {DeviceId.Rule}", Arity = ArgumentArity.ZeroOrOne };
        id.Validators.Add(Validate);
        return id;
    }

    internal static UserError Unknown(string id) =>
        new($"there is no device {id}", "in the registry", $"see iotpsk device list, or enroll it: iotpsk device enroll {id}");

    private static void Validate(ArgumentResult result)
    {
        if (result.Tokens.Count == 1 && !DeviceId.IsValid(result.Tokens[0].Value))
            result.AddError($"\"{result.Tokens[0].Value}\" is no device id: {DeviceId.Rule}");
    }

    private static Command ForOne(string name, string description, Action<ParseResult, string> action)
    {
        Argument<string> id = IdArgument();
        var command = new Command(name, description) { id };
        command.SetAction(parsed =>
        {
            action(parsed, parsed.GetValue(id)!);
            return 0;
        });
        return command;
    }

    private static Command List(CommonOptions common, CommandConsole console)
    {
        var list = new Command("list", "Lists the devices. Example: iotpsk device list --json");
        list.SetAction(parsed =>
        {
            using IRegistry registry = common.OpenRegistry(parsed);
            var array = new JsonArray();
            var text = new StringBuilder();
            foreach (DeviceRecord record in registry.Devices.OrderBy(r => r.Id, StringComparer.Ordinal))
            {
                array.Add((JsonNode)Describe(record));
                text.Append(text.Length == 0 ? "" : "\n").Append(Line(record));
            }
            console.Print(common.Json(parsed), array, text.Length == 0 ? "no device is enrolled" : text.ToString());
            return 0;
        });
        return list;
    }

    private static string Line(DeviceRecord record) => string.Create(CultureInfo.InvariantCulture,
        $"{record.Id,-32} {record.Mode.ToString().ToLowerInvariant(),-8} enrolled {record.EnrolledAt:yyyy-MM-dd HH:mm}{(record.RevokedAt is { } at ? $", revoked {at:yyyy-MM-dd HH:mm}" : "")}");

    internal static JsonObject Describe(DeviceRecord record) => DeviceDocument.Of(record);
}
