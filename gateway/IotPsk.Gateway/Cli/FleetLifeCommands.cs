using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using IotPsk.Gateway.Configuration;
using IotPsk.Keys;

namespace IotPsk.Gateway.Cli;

/// <summary><c>fleet rotate | retire</c>: the next fleet key, and the end of an old one.</summary>
internal static class FleetLifeCommands
{
    internal static Command Rotate(CommonOptions common, CommandConsole console)
    {
        var compromised = new Option<bool>("--compromised")
        {
            Description = "Somebody else knows the key there is now: no device gets its new key over the network on the strength of the old one",
        };
        Option<string?> pcr = FleetCommands.Pcrs("Binds the new key to these PCRs as they are now, like sha256:0,2,7, or to none; without it to those the key there is now is bound to");
        var rotate = new Command("rotate", "Makes the next fleet key; devices of the one before are served until that is retired. Example: iotpsk fleet rotate") { compromised, pcr };
        rotate.SetAction(parsed =>
        {
            GatewayConfiguration configuration = common.Configuration(parsed);
            RegistrySource source = RegistryAccess.Source(configuration);
            using var tpm = TpmAccess.Create(configuration.Tpm, Read(source).Fleet);
            FleetRotationResult result = FleetRotation.Rotate(source, tpm, new FleetRotationOptions
            {
                Compromised = parsed.GetValue(compromised),
                KeepsPcr = parsed.GetValue(pcr) is null,
                Pcr = FleetCommands.Parse(parsed.GetValue(pcr)),
            });
            RunningGateway.Tell(common, console, parsed, RunningGateway.Refresh);
            FleetDocument document = Read(source);
            JsonObject json = document.Json();
            json["finished"] = result.Finished;
            int epoch = result.Fleet.ActiveEpoch!.Number;
            string what = result.Finished
                ? $"the interrupted rotation to epoch {epoch} is finished"
                : $"epoch {epoch} is active; give devices their new credentials, then end the old epoch with iotpsk fleet retire {epoch - 1}";
            console.Print(common.Json(parsed), json, $"{what}\n{document.Text()}");
            return 0;
        });
        return rotate;
    }

    internal static Command Retire(CommonOptions common, CommandConsole console)
    {
        var number = new Argument<int>("EPOCH") { Description = "Number of the epoch, from fleet status" };
        var retire = new Command("retire", "Ends an old epoch: its devices are refused at once, its key is removed from the TPM. Example: iotpsk fleet retire 1") { number };
        retire.SetAction(parsed =>
        {
            GatewayConfiguration configuration = common.Configuration(parsed);
            RegistrySource source = RegistryAccess.Source(configuration);
            using var tpm = TpmAccess.Create(configuration.Tpm, Read(source).Fleet);
            int epoch = parsed.GetValue(number);
            bool changed = Retire(source, tpm, epoch, () => RunningGateway.Tell(common, console, parsed, RunningGateway.Refresh));
            FleetDocument document = Read(source);
            JsonObject json = document.Json();
            json["changed"] = changed;
            int left = document.LastEpochs.GetValueOrDefault(epoch);
            string text = changed
                ? string.Create(CultureInfo.InvariantCulture, $"epoch {epoch} is retired{(left > 0 ? $"; {left} devices that used it last need new credentials" : "")}")
                : string.Create(CultureInfo.InvariantCulture, $"epoch {epoch} was retired already");
            console.Print(common.Json(parsed), json, $"{text}\n{document.Text()}");
            return 0;
        });
        return retire;
    }

    private static bool Retire(RegistrySource source, EsysTpm tpm, int epoch, Action tellGateway)
    {
        bool refused = false;
        try
        {
            return FleetRotation.Retire(source, tpm, epoch, () =>
            {
                refused = true;
                tellGateway();
            }).Changed;
        }
        catch (TpmException e) when (refused)
        {
            throw new UserError($"epoch {epoch} is refused from now on, but its key is still in the TPM", e.Message, $"run iotpsk fleet retire {epoch} again", cause: e);
        }
    }

    internal static FleetDocument Read(RegistrySource source)
    {
        using IRegistry registry = source.Open();
        return FleetDocument.Of(registry);
    }
}
