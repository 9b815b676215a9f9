using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Gateway.Admin;

namespace IotPsk.Gateway.Cli;

/// <summary><c>session list | close</c>, asked of the running gateway.</summary>
internal static class SessionCommands
{
    internal static Command Create(CommonOptions common, CommandConsole console)
    {
        var session = new Command("session", "The live sessions of the running gateway");
        var list = new Command("list", "Lists them. Example: iotpsk session list --json");
        list.SetAction(parsed =>
        {
            using var admin = new AdminClient(common.Configuration(parsed).Admin.Socket);
            JsonArray sessions = admin.Ask(HttpMethod.Get, "/sessions").AsArray();
            console.Print(common.Json(parsed), sessions, sessions.Count == 0 ? "no session is live" : Table(sessions));
            return 0;
        });
        var id = new Argument<string>("SESSION") { Description = "The session's id, from session list" };
        var close = new Command("close", "Ends one. Example: iotpsk session close 100000a") { id };
        close.SetAction(parsed =>
        {
            using var admin = new AdminClient(common.Configuration(parsed).Admin.Socket);
            JsonNode answer = admin.Ask(HttpMethod.Post, $"/sessions/{Uri.EscapeDataString(parsed.GetValue(id)!)}/close");
            if (answer["closed"]?.GetValue<bool>() != true)
                throw new UserError($"there is no session {parsed.GetValue(id)}", "in the running gateway", "see iotpsk session list");
            console.Print(common.Json(parsed), answer, $"{parsed.GetValue(id)} is closed");
            return 0;
        });
        session.Subcommands.Add(list);
        session.Subcommands.Add(close);
        return session;
    }

    private static string Table(JsonArray sessions)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{"SESSION",-18} {"DEVICE",-24} {"LISTENER",-10} {"REMOTE",-22} {"VERSION",-8} {"KEY EXCHANGE",-12} {"UP",10} {"DOWN",10}");
        foreach (JsonNode? session in sessions)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"\n{session!["id"],-18} {session["device"],-24} {session["listener"],-10} {session["remote"],-22} {session["version"],-8} {session["keyExchange"],-12} {session["bytesUp"],10} {session["bytesDown"],10}");
        }
        return text.ToString();
    }
}
