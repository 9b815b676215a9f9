using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Gateway.Configuration;
using IotPsk.Keys;

namespace IotPsk.Gateway.Cli;

/// <summary><c>fleet export-to</c>: the fleet's keys for another TPM, once that has proved to be one and the authority has signed for it.</summary>
internal sealed class FleetExportCommand
{
    private const string Steps = """
        Wraps the fleet's keys for another TPM, step by step; each says what comes next. The other TPM proves itself by the certificate its vendor gave it:
          1. there   iotpsk fleet srk-public -o b.srk
          2. here    iotpsk fleet export-to b.srk --ek-ca vendor.pem -o challenge
          3. there   iotpsk fleet answer challenge -o answer
          4. here    iotpsk fleet export-to b.srk --answer answer -o to-sign
          5. where the authority's key is   openssl dgst -sha256 -sign authority.key -out signature to-sign
          6. here    iotpsk fleet export-to b.srk --signature signature -o fleet.export
          7. there   iotpsk fleet import fleet.export
        A TPM without a certificate is known by the fingerprint that srk-public shows: --fingerprint HEX in place of steps 2 to 4, and beside --signature.
        After a rotation only the last two steps are needed, with the same signature.
        """;
    private readonly CommonOptions _common;
    private readonly CommandConsole _console;
    private readonly Argument<string> _parentFile = new("SRK-FILE") { Description = "What srk-public wrote on the other gateway" };
    private readonly Option<string?> _fingerprint = new("--fingerprint") { Description = "The fingerprint that srk-public showed there, in place of a certificate", HelpName = "HEX" };
    private readonly Option<string?> _trusted = new("--ek-ca") { Description = "PEM certificates of whom you trust to certify TPMs: roots and what stands below them. Asks the other TPM for a proof", HelpName = "FILE" };
    private readonly Option<string?> _answer = new("--answer") { Description = "What fleet answer wrote there", HelpName = "FILE" };
    private readonly Option<string?> _signature = new("--signature") { Description = "The authority's signature over the file to sign", HelpName = "FILE" };
    private readonly Option<string> _output = new("-o") { Description = "Writes what the next step needs", HelpName = "FILE", Required = true };

    private FleetExportCommand(CommonOptions common, CommandConsole console) => (_common, _console) = (common, console);

    internal static Command Create(CommonOptions common, CommandConsole console)
    {
        var self = new FleetExportCommand(common, console);
        var command = new Command("export-to", Steps) { self._parentFile, self._fingerprint, self._trusted, self._answer, self._signature, self._output };
        command.SetAction(self.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        string? typed = parsed.GetValue(_fingerprint), trusted = parsed.GetValue(_trusted), answer = parsed.GetValue(_answer), signature = parsed.GetValue(_signature);
        if (new[] { typed, trusted, answer }.Count(each => each is not null) > 1 || ((trusted ?? answer) is not null && signature is not null))
            throw new UserError("these options belong to different steps", "fleet export-to", "see its --help: --ek-ca, then --answer, then --signature; or --fingerprint, alone and beside --signature", UserError.Usage);
        string file = parsed.GetValue(_parentFile)!;
        StorageParent parent = StorageParent.Read(File.ReadAllBytes(file), file);
        GatewayConfiguration configuration = _common.Configuration(parsed);
        RegistrySource source = RegistryAccess.Source(configuration);
        var challenge = new PartnerChallenge(source.State, parent);
        if (trusted is not null)
            return Ask(parsed, configuration, source, challenge, trusted, file);
        if (answer is not null)
            challenge.Prove(File.ReadAllText(answer), answer);
        string known = RequireKnown(parent, challenge, typed, file);
        return signature is null ? WriteToSign(parsed, parent, known, typed) : Export(parsed, configuration, source, parent, signature);
    }

    private int Ask(ParseResult parsed, GatewayConfiguration configuration, RegistrySource source, PartnerChallenge challenge, string trusted, string file)
    {
        EndorsementChain chain = EndorsementChain.FromPem(File.ReadAllText(trusted), trusted);
        using EsysTpm tpm = TpmAccess.Create(configuration.Tpm, FleetLifeCommands.Read(source).Fleet);
        (string content, string certifiedBy) = challenge.Ask(tpm, chain, file);
        string path = Write(parsed, content);
        _console.Print(_common.Json(parsed), new JsonObject { ["challenge"] = path, ["certifiedBy"] = certifiedBy },
            $"the TPM is certified by {certifiedBy}\n{path} is written; take it to the gateway with that TPM: iotpsk fleet answer {path} -o answer\n" +
            $"then, here: iotpsk fleet export-to {file} --answer answer -o to-sign");
        return 0;
    }

    /// <summary>Who says that the storage key is the other TPM's.</summary>
    private static string RequireKnown(StorageParent parent, PartnerChallenge challenge, string? typed, string file)
    {
        if (typed is not null)
        {
            return string.Equals(parent.Fingerprint, typed.Replace(":", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase)
                ? "known by its fingerprint"
                : throw new UserError("this is not the storage key with that fingerprint", file, "compare it with what srk-public showed on the other gateway: the file may have been changed on its way");
        }
        return challenge.ProvedBy is { } certifiedBy
            ? "certified by " + certifiedBy
            : throw new UserError("this storage key has not proved to be in a TPM", file, parent.HasCertificate
                ? "begin with --ek-ca FILE, the certificates of the TPM's vendor; or give the fingerprint that srk-public showed there, with --fingerprint"
                : "give the fingerprint that srk-public showed on the other gateway, with --fingerprint: that TPM has no certificate");
    }

    private int WriteToSign(ParseResult parsed, StorageParent parent, string known, string? typed)
    {
        string path = parsed.GetValue(_output)!, again = typed is null ? "" : $"--fingerprint {typed} ";
        SecretFile.Create(path, stream => stream.Write(parent.Policy));
        _console.Print(_common.Json(parsed), new JsonObject { ["toSign"] = path, ["fingerprint"] = parent.Fingerprint, ["known"] = known },
            $"{path} lets the TPM {parent.Fingerprint[..16]}... ({known}) have the fleet's keys, now and after rotations, once the authority has signed it:\n" +
            $"openssl dgst -sha256 -sign authority.key -out signature {path}\n" +
            $"then, here: iotpsk fleet export-to {parsed.GetValue(_parentFile)} {again}--signature signature -o fleet.export");
        return 0;
    }

    private int Export(ParseResult parsed, GatewayConfiguration configuration, RegistrySource source, StorageParent parent, string signature)
    {
        using EsysTpm tpm = TpmAccess.Create(configuration.Tpm, FleetLifeCommands.Read(source).Fleet);
        string path = Write(parsed, FleetSharing.Export(source, tpm, parent, File.ReadAllBytes(signature), signature));
        _console.Print(_common.Json(parsed), new JsonObject { ["file"] = path, ["fingerprint"] = parent.Fingerprint },
            $"{path} is written; on the gateway of that TPM: iotpsk fleet import {path}");
        return 0;
    }

    private string Write(ParseResult parsed, string content)
    {
        string path = parsed.GetValue(_output)!;
        SecretFile.Create(path, stream => stream.Write(Encoding.ASCII.GetBytes(content)));
        return path;
    }
}
