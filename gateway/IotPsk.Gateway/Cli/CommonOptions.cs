using System.CommandLine;
using IotPsk.Gateway.Configuration;
using IotPsk.Keys;

namespace IotPsk.Gateway.Cli;

/// <summary>The options every verb takes: where state and TPM are, and the form of the output.</summary>
internal sealed class CommonOptions
{
    private readonly Option<string?> _config = new("--config") { Description = $"Configuration file (default {GatewayConfiguration.DefaultPath})", HelpName = "FILE", Recursive = true };
    private readonly Option<string?> _state = new("--state") { Description = "State directory; with --tpm instead of a configuration", HelpName = "DIR", Recursive = true };
    private readonly Option<string?> _tpm = new("--tpm") { Description = "The TPM as tpm2-tss names it, like device:/dev/tpmrm0", HelpName = "TCTI", Recursive = true };
    private readonly Option<string?> _auth = new("--tpm-auth") { Description = "File with the authorisation value of the keys in the TPM", HelpName = "FILE", Recursive = true };
    private readonly Option<bool> _json = new("--json") { Description = "Print JSON", Recursive = true };

    internal void AddTo(RootCommand root)
    {
        root.Options.Add(_config);
        root.Options.Add(_state);
        root.Options.Add(_tpm);
        root.Options.Add(_auth);
        root.Options.Add(_json);
    }

    internal bool Json(ParseResult parsed) => parsed.GetValue(_json);

    /// <summary>Whether a configuration file is used, and not --state with --tpm.</summary>
    internal bool HasConfiguration(ParseResult parsed) => parsed.GetValue(_state) is null && parsed.GetValue(_tpm) is null;

    /// <summary>The configuration, or what --state and --tpm say in its place.</summary>
    internal GatewayConfiguration Configuration(ParseResult parsed)
    {
        string? state = parsed.GetValue(_state), tpm = parsed.GetValue(_tpm), config = parsed.GetValue(_config);
        string? auth = parsed.GetValue(_auth) is { } file ? Path.GetFullPath(file) : null;
        if (state is null && tpm is null)
        {
            GatewayConfiguration configuration = ConfigurationReader.Load(config ?? GatewayConfiguration.DefaultPath);
            return auth is null ? configuration : configuration with { Tpm = configuration.Tpm with { AuthFile = auth } };
        }
        if (config is not null)
            throw new UserError("--config stands beside --state or --tpm", "on the command line", "give --config alone, or --state DIR with --tpm TCTI", UserError.Usage);
        if (state is null || tpm is null)
            throw new UserError("--state and --tpm belong together", "on the command line", $"add {(state is null ? "--state DIR" : "--tpm TCTI")}", UserError.Usage);
        return new GatewayConfiguration { State = Path.GetFullPath(state), Tpm = new TpmConfiguration { Tcti = tpm, AuthFile = auth } };
    }

    /// <summary>The registry of a fleet that was set up.</summary>
    internal IRegistry OpenRegistry(ParseResult parsed) => RegistryAccess.Open(Configuration(parsed));
}
