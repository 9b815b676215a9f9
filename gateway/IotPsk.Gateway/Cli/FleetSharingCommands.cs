using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Gateway.Configuration;
using IotPsk.Keys;

namespace IotPsk.Gateway.Cli;

/// <summary><c>fleet srk-public | export-to | import</c>: one fleet on several gateways.</summary>
internal static class FleetSharingCommands
{
    internal static Command StorageKey(CommonOptions common, CommandConsole console)
    {
        var output = new Option<string>("-o") { Description = "Writes to FILE, for export-to on a gateway that has the fleet", HelpName = "FILE", Required = true };
        var command = new Command("srk-public", "Shows this TPM's storage key, and its endorsement certificate if it has one, to the gateway that is to share its fleet. " +
            "Example: iotpsk fleet srk-public -o gateway-b.srk") { output };
        command.SetAction(parsed =>
        {
            using EsysTpm tpm = TpmAccess.Create(common.Configuration(parsed).Tpm, null);
            StorageParent parent = StorageParent.Of(tpm);
            string path = parsed.GetValue(output)!;
            Write(path, parent.Write());
            string how = parent.HasCertificate
                ? $"it brings this TPM's endorsement certificate. On the gateway that has the fleet: iotpsk fleet export-to {path} --ek-ca VENDOR.pem -o challenge\n" +
                    "Where that is not wanted, type this fingerprint there, from here and not from the file's way:"
                : "type this fingerprint on the other gateway, from here and not from the file's way (this TPM has no endorsement certificate):";
            console.Print(common.Json(parsed), new JsonObject { ["file"] = path, ["fingerprint"] = parent.Fingerprint, ["certificate"] = parent.HasCertificate },
                $"{path} is written; {how}\n{parent.Fingerprint}");
            return 0;
        });
        return command;
    }

    internal static Command Answer(CommonOptions common, CommandConsole console)
    {
        var file = new Argument<string>("CHALLENGE") { Description = "What export-to --ek-ca wrote on the gateway that has the fleet" };
        var output = new Option<string>("-o") { Description = "Writes the answer to FILE, for export-to --answer over there", HelpName = "FILE", Required = true };
        var command = new Command("answer", "Proves that this TPM is the one that was certified, and that its storage key is in it. Example: iotpsk fleet answer challenge -o answer") { file, output };
        command.SetAction(parsed =>
        {
            string challenge = parsed.GetValue(file)!, path = parsed.GetValue(output)!;
            using EsysTpm tpm = TpmAccess.Create(common.Configuration(parsed).Tpm, null);
            Write(path, PartnerChallenge.Answer(tpm, File.ReadAllText(challenge), challenge));
            console.Print(common.Json(parsed), new JsonObject { ["file"] = path },
                $"{path} is written; on the gateway that has the fleet: iotpsk fleet export-to SRK-FILE --answer {path} -o to-sign");
            return 0;
        });
        return command;
    }

    private static void Write(string path, string content) => SecretFile.Create(path, stream => stream.Write(Encoding.ASCII.GetBytes(content)));

    internal static Command Import(CommonOptions common, CommandConsole console)
    {
        var file = new Argument<string>("FILE") { Description = "What export-to wrote for this TPM" };
        var command = new Command("import", "Takes a fleet's keys into this TPM; again, after a rotation, the new ones. Example: iotpsk fleet import fleet.export") { file };
        command.SetAction(parsed =>
        {
            GatewayConfiguration configuration = common.Configuration(parsed);
            string path = parsed.GetValue(file)!;
            using EsysTpm tpm = TpmAccess.Create(configuration.Tpm, null);
            RegistrySource source = RegistryAccess.SourceOrNew(configuration);
            (FleetRecord fleet, int added) = FleetSharing.Import(source, tpm, File.ReadAllText(path), path);
            RunningGateway.Tell(common, console, parsed, RunningGateway.Refresh);
            FleetDocument document = FleetLifeCommands.Read(source);
            JsonObject json = document.Json();
            json["added"] = added;
            console.Print(common.Json(parsed), json, string.Create(CultureInfo.InvariantCulture,
                $"{added} keys of fleet {fleet.ServerId} are taken over; compare their names with fleet status on the other gateway\n{document.Text()}"));
            return 0;
        });
        return command;
    }
}
