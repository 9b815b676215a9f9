using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Gateway.Configuration;
using IotPsk.Keys;

namespace IotPsk.Gateway.Cli;

/// <summary><c>fleet init</c> and <c>fleet status</c>.</summary>
internal static class FleetCommands
{
    private const string Warning = "The fleet key never leaves this TPM: if the TPM dies, every device must be provisioned again.";

    internal static Command Create(CommonOptions common, CommandConsole console)
    {
        var fleet = new Command("fleet", "The fleet and its key in the TPM");
        var serverId = new Option<string>("--server-id")
        {
            Description = "The fleet's logical name, equal on all its gateways; devices are bound to it for good",
            HelpName = "NAME",
            DefaultValueFactory = _ => "iotpsk",
        };
        var init = new Command("init", "Makes the fleet key inside the TPM and an empty registry. Example: iotpsk fleet init --server-id gateway-01") { serverId };
        init.SetAction(parsed => Init(common, console, parsed, parsed.GetValue(serverId)!));
        var status = new Command("status", "Shows fleet, epochs and TPM, and checks that the key in the TPM is the fleet's. Example: iotpsk fleet status --json");
        status.SetAction(parsed => Status(common, console, parsed));
        fleet.Subcommands.Add(init);
        fleet.Subcommands.Add(status);
        return fleet;
    }

    private static int Init(CommonOptions common, CommandConsole console, ParseResult parsed, string serverId)
    {
        GatewayConfiguration configuration = common.Configuration(parsed);
        using var tpm = new EsysTpm(configuration.Tpm.Tcti);
        FleetRecord fleet = FleetSetup.Init(StateDirectory.OpenOrCreate(configuration.State), tpm, new FleetSetupOptions { ServerId = serverId });
        console.Print(common.Json(parsed), Describe(fleet, null), Text(fleet, null));
        return 0;
    }

    private static int Status(CommonOptions common, CommandConsole console, ParseResult parsed)
    {
        GatewayConfiguration configuration = common.Configuration(parsed);
        using SqliteRegistry registry = SqliteRegistry.Open(StateDirectory.Open(configuration.State));
        FleetRecord fleet = registry.RequireFleet();
        using var tpm = new EsysTpm(configuration.Tpm.Tcti);
        tpm.Open();
        FleetSelfTest.Run(tpm, fleet);
        console.Print(common.Json(parsed), Describe(fleet, registry.DeviceCount), Text(fleet, registry.DeviceCount));
        return 0;
    }

    private static JsonObject Describe(FleetRecord fleet, int? devices)
    {
        var epochs = new JsonArray();
        foreach (EpochRecord epoch in fleet.Epochs)
        {
            epochs.Add((JsonNode)new JsonObject
            {
                ["epoch"] = epoch.Number,
                ["state"] = State(epoch),
                ["handle"] = Handle(epoch.Key),
                ["name"] = epoch.Key.NameHex,
                ["createdAt"] = epoch.CreatedAt.ToString("O", CultureInfo.InvariantCulture),
            });
        }
        var document = new JsonObject
        {
            ["serverId"] = fleet.ServerId,
            ["storageRoot"] = Handle(fleet.StorageRoot),
            ["shareable"] = false,
            ["epochs"] = epochs,
            ["warning"] = Warning,
        };
        if (devices is { } count)
            document["devices"] = count;
        return document;
    }

    private static string Text(FleetRecord fleet, int? devices)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"fleet        {fleet.ServerId}\nstorage key  {Handle(fleet.StorageRoot)}\n");
        foreach (EpochRecord epoch in fleet.Epochs)
            text.Append(CultureInfo.InvariantCulture, $"epoch {epoch.Number,-6} {State(epoch)}, TPM handle {Handle(epoch.Key)}, name {epoch.Key.NameHex}\n");
        if (devices is { } count)
            text.Append(CultureInfo.InvariantCulture, $"devices      {count}\n");
        return text.Append(Warning).ToString();
    }

    private static string State(EpochRecord epoch) => epoch.State.ToString().ToLowerInvariant();

    private static string Handle(TpmKeyReference key) => "0x" + key.Handle.ToString("x8", CultureInfo.InvariantCulture);
}
