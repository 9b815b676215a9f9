using IotPsk.Gateway.Configuration;

namespace IotPsk.Gateway.Serving;

/// <summary>What a valid configuration may ask for and this version does not serve: told at the start, never ignored.</summary>
internal static class ServingRules
{
    internal static void Check(GatewayConfiguration configuration)
    {
        var errors = new List<string>();
        if (configuration.Listeners.Count == 0)
            errors.Add(UserError.Join("there is nothing to serve", "$.Listeners", "give a configuration with --config FILE; --state and --tpm name no listener"));
        if (errors.Count > 0)
            throw UserError.Several(errors);
    }
}
