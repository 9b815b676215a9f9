using System.CommandLine;
using System.Text.Json.Nodes;
using IotPsk.Gateway.Configuration;
using IotPsk.Gateway.Serving;

namespace IotPsk.Gateway.Cli;

/// <summary><c>check-config</c>: reads the configuration as <c>serve</c> would, and starts nothing.</summary>
internal static class CheckConfigCommand
{
    internal static Command Create(CommonOptions common, CommandConsole console)
    {
        var check = new Command("check-config", "Validates the configuration whole and tells every fault. Example: iotpsk check-config --config iotpsk.json");
        check.SetAction(parsed =>
        {
            GatewayConfiguration configuration = common.Configuration(parsed);
            ServingRules.Check(configuration);
            string registry = RegistryAccess.Describe(configuration);
            var listeners = new JsonArray();
            foreach (ListenerConfiguration listener in configuration.Listeners)
                listeners.Add((JsonNode)$"{listener.Name}: {listener.Listen} {(listener.Upstream is { } upstream ? $"to {upstream}" : "served here")}");
            console.Print(common.Json(parsed), new JsonObject { ["valid"] = true, ["state"] = configuration.State, ["registry"] = registry, ["tpm"] = configuration.Tpm.Tcti, ["listeners"] = listeners },
                $"the configuration is valid\nstate  {configuration.State}\nstore  {registry}\nTPM    {configuration.Tpm.Tcti}\n{string.Join('\n', listeners.Select(l => "listen " + l))}");
            return 0;
        });
        return check;
    }
}
