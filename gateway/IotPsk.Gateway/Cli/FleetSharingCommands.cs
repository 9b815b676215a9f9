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
        var command = new Command("srk-public", "Shows this TPM's storage key to the gateway that is to share its fleet. Example: iotpsk fleet srk-public -o gateway-b.srk") { output };
        command.SetAction(parsed =>
        {
            using EsysTpm tpm = TpmAccess.Create(common.Configuration(parsed).Tpm, null);
            (StorageParent parent, byte[] content) = StorageParent.Of(tpm);
            string path = parsed.GetValue(output)!;
            SecretFile.Create(path, stream => stream.Write(content));
            console.Print(common.Json(parsed), new JsonObject { ["file"] = path, ["fingerprint"] = parent.Fingerprint },
                $"{path} is written; type this fingerprint on the other gateway, from here and not from the file's way:\n{parent.Fingerprint}");
            return 0;
        });
        return command;
    }

    internal static Command Export(CommonOptions common, CommandConsole console)
    {
        var parentFile = new Argument<string>("SRK-FILE") { Description = "What srk-public wrote on the other gateway" };
        var fingerprint = new Option<string>("--fingerprint") { Description = "The fingerprint that srk-public showed there", HelpName = "HEX", Required = true };
        var signature = new Option<string?>("--signature") { Description = "The authority's signature over the file that this verb writes without it", HelpName = "FILE" };
        var output = new Option<string>("-o") { Description = "Without --signature what the authority is to sign, with it the export", HelpName = "FILE", Required = true };
        var command = new Command("export-to", "Wraps the fleet's keys for another TPM, in two steps: first the file to sign, then, with the signature, the export. " +
            "Example: iotpsk fleet export-to gateway-b.srk --fingerprint HEX -o to-sign; openssl dgst -sha256 -sign authority.key -out signature to-sign; " +
            "iotpsk fleet export-to gateway-b.srk --fingerprint HEX --signature signature -o fleet.export") { parentFile, fingerprint, signature, output };
        command.SetAction(parsed =>
        {
            string file = parsed.GetValue(parentFile)!, path = parsed.GetValue(output)!;
            StorageParent parent = StorageParent.Read(File.ReadAllBytes(file), file);
            if (!string.Equals(parent.Fingerprint, parsed.GetValue(fingerprint)!.Replace(":", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase))
                throw new UserError("this is not the storage key with that fingerprint", file, "compare it with what srk-public showed on the other gateway: the file may have been changed on its way");
            GatewayConfiguration configuration = common.Configuration(parsed);
            RegistrySource source = RegistryAccess.Source(configuration);
            if (parsed.GetValue(signature) is not { } signed)
            {
                SecretFile.Create(path, stream => stream.Write(parent.Policy));
                console.Print(common.Json(parsed), new JsonObject { ["toSign"] = path, ["fingerprint"] = parent.Fingerprint },
                    $"{path} lets the TPM {parent.Fingerprint[..16]}... have the fleet's keys, now and after rotations, once the authority has signed it:\n" +
                    $"openssl dgst -sha256 -sign authority.key -out signature {path}");
                return 0;
            }
            using EsysTpm tpm = TpmAccess.Create(configuration.Tpm, FleetLifeCommands.Read(source).Fleet);
            string export = FleetSharing.Export(source, tpm, parent, File.ReadAllBytes(signed), signed);
            SecretFile.Create(path, stream => stream.Write(Encoding.ASCII.GetBytes(export)));
            console.Print(common.Json(parsed), new JsonObject { ["file"] = path, ["fingerprint"] = parent.Fingerprint }, $"{path} is written, for fleet import on the gateway of that TPM");
            return 0;
        });
        return command;
    }

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
