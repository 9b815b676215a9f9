using System.CommandLine;
using IotPsk.Gateway.Admin;

namespace IotPsk.Gateway.Cli;

/// <summary><c>events</c>: what happens in the running gateway, as it happens.</summary>
internal static class EventsCommand
{
    private const string Name = "event: ", Data = "data: ";

    internal static Command Create(CommonOptions common, CommandConsole console)
    {
        Argument<string?> id = DeviceCommands.OptionalIdArgument();
        var events = new Command("events", "Shows sessions, registrations and values as they come, of one device or of all, until it is interrupted. " +
            "Example: iotpsk events sensor-0001 --json") { id };
        events.SetAction(async (parsed, cancellation) =>
        {
            using var admin = new AdminClient(common.Configuration(parsed).Admin.Socket, Timeout.InfiniteTimeSpan);
            bool json = common.Json(parsed);
            string name = "";
            await admin.ListenAsync(parsed.GetValue(id) is { } device ? $"/events?device={Uri.EscapeDataString(device)}" : "/events", line =>
            {
                if (line.StartsWith(Name, StringComparison.Ordinal))
                {
                    name = line[Name.Length..];
                }
                else if (line.StartsWith(Data, StringComparison.Ordinal))
                {
                    console.Output.WriteLine(json ? $"{{\"event\":\"{name}\",\"data\":{line[Data.Length..]}}}" : $"{name} {line[Data.Length..]}");
                    console.Output.Flush();
                }
            }, cancellation);
            return 0;
        });
        return events;
    }
}
