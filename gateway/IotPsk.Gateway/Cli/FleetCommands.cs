using System.CommandLine;
using IotPsk.Gateway.Configuration;
using IotPsk.Keys;

namespace IotPsk.Gateway.Cli;

/// <summary><c>fleet init | status</c>, and the verbs of <see cref="FleetLifeCommands"/>.</summary>
internal static class FleetCommands
{
    internal static Command Create(CommonOptions common, CommandConsole console)
    {
        var fleet = new Command("fleet", "The fleet and its key in the TPM");
        var serverId = new Option<string>("--server-id")
        {
            Description = "The fleet's logical name, equal on all its gateways; devices are bound to it for good",
            HelpName = "NAME",
            DefaultValueFactory = _ => "iotpsk",
        };
        var shareable = new Option<bool>("--shareable") { Description = "Its keys may be copied to other TPMs, to those alone that the authority signs for" };
        var authority = new Option<string?>("--authority") { Description = "Public key of the authority, P-256 in PEM; the private one is kept off the gateways", HelpName = "PUB" };
        Option<string?> pcr = Pcrs("Binds the key to this machine's PCRs as they are now, like sha256:0,2,7: after an update of firmware, boot loader or kernel it works no more");
        var init = new Command("init", "Makes the fleet key inside the TPM and an empty registry. Example: iotpsk fleet init --server-id gateway-01") { serverId, shareable, authority, pcr };
        init.SetAction(parsed =>
        {
            if (parsed.GetValue(shareable) != (parsed.GetValue(authority) is not null))
                throw new UserError("--shareable and --authority belong together", "fleet init", "give both, or neither", UserError.Usage);
            if (parsed.GetValue(shareable) && Parse(parsed.GetValue(pcr)) is not null)
                throw new UserError("a fleet that several gateways share cannot be bound to one machine's PCRs", "fleet init", "leave out --pcr, or --shareable", UserError.Usage);
            return Init(common, console, parsed, parsed.GetValue(serverId)!, parsed.GetValue(authority), Parse(parsed.GetValue(pcr)));
        });
        var status = new Command("status", "Shows fleet, epochs and TPM, and checks that the key in the TPM is the fleet's. Example: iotpsk fleet status --json");
        status.SetAction(parsed => Status(common, console, parsed));
        fleet.Subcommands.Add(init);
        fleet.Subcommands.Add(status);
        fleet.Subcommands.Add(FleetLifeCommands.Rotate(common, console));
        fleet.Subcommands.Add(FleetLifeCommands.Retire(common, console));
        fleet.Subcommands.Add(FleetSharingCommands.StorageKey(common, console));
        fleet.Subcommands.Add(FleetExportCommand.Create(common, console));
        fleet.Subcommands.Add(FleetSharingCommands.Answer(common, console));
        fleet.Subcommands.Add(FleetSharingCommands.Import(common, console));
        return fleet;
    }

    /// <summary>The option that names PCRs, for <see cref="Parse"/>.</summary>
    internal static Option<string?> Pcrs(string description)
    {
        var option = new Option<string?>("--pcr") { Description = description, HelpName = "BANK:NUMBERS" };
        option.Validators.Add(result =>
        {
            try
            {
                Parse(result.GetValueOrDefault<string?>());
            }
            catch (DeviceKeyException e)
            {
                result.AddError(e.Message);
            }
        });
        return option;
    }

    /// <summary>PCRs; null for "none" and for an option that was not given.</summary>
    internal static PcrSelection? Parse(string? pcrs) => pcrs is null or "none" ? null : PcrSelection.Parse(pcrs);

    private static int Init(CommonOptions common, CommandConsole console, ParseResult parsed, string serverId, string? authority, PcrSelection? pcr)
    {
        GatewayConfiguration configuration = common.Configuration(parsed);
        using var tpm = TpmAccess.Create(configuration.Tpm, null);
        FleetRecord fleet = FleetSetup.Init(RegistryAccess.SourceOrNew(configuration), tpm, new FleetSetupOptions
        {
            ServerId = serverId,
            Authority = authority is null ? null : FleetAuthority.FromPem(File.ReadAllText(authority), authority),
            Pcr = pcr,
        });
        var document = new FleetDocument(fleet, null, new Dictionary<int, int>());
        console.Print(common.Json(parsed), document.Json(), document.Text());
        return 0;
    }

    private static int Status(CommonOptions common, CommandConsole console, ParseResult parsed)
    {
        GatewayConfiguration configuration = common.Configuration(parsed);
        using IRegistry registry = RegistryAccess.Open(configuration);
        FleetDocument document = FleetDocument.Of(registry);
        using var tpm = TpmAccess.Create(configuration.Tpm, document.Fleet);
        tpm.Open();
        FleetSelfTest.Run(tpm, document.Fleet);
        console.Print(common.Json(parsed), document.Json(), document.Text());
        return 0;
    }
}
