using System.CommandLine;
using System.Text.Json.Nodes;
using IotPsk.Gateway.Admin;

namespace IotPsk.Gateway.Cli;

/// <summary>Tells a running gateway of a change. It sees one by itself within a second: this makes it hold for the next hello.</summary>
internal static class RunningGateway
{
    internal const string Refresh = "/registry/refresh";

    /// <summary>The gateway's answer; null when none runs, or when it did not answer, which is told as a warning.</summary>
    internal static JsonNode? Tell(CommonOptions common, CommandConsole console, ParseResult parsed, string path)
    {
        if (!common.HasConfiguration(parsed))
            return null;
        try
        {
            using var admin = new AdminClient(common.Configuration(parsed).Admin.Socket);
            return admin.Send(HttpMethod.Post, path);
        }
        catch (UserError error)
        {
            console.Errors.WriteLine($"iotpsk: {error.Message}");
            return null;
        }
    }
}
