using IotPsk.Gateway.Configuration;

namespace IotPsk.Gateway.Serving;

/// <summary>What serving asks of a valid configuration.</summary>
internal static class ServingRules
{
    /// <summary>Told at the start, never ignored.</summary>
    internal static void Check(GatewayConfiguration configuration)
    {
        var errors = new List<string>();
        if (configuration.Listeners.Count == 0)
            errors.Add(UserError.Join("there is nothing to serve", "$.Listeners", "give a configuration with --config FILE; --state and --tpm name no listener"));
        if (errors.Count > 0)
            throw UserError.Several(errors);
    }

    /// <summary>The keys whose new value a running gateway cannot take over: registry and TPM stay open as long as it runs.</summary>
    internal static IReadOnlyList<string> NeedsRestart(GatewayConfiguration running, GatewayConfiguration next)
    {
        var keys = new List<string>();
        Compare("$.State", running.State, next.State);
        Compare("$.Registry.Postgres", running.Registry.Postgres, next.Registry.Postgres);
        Compare("$.Registry.PasswordFile", running.Registry.PasswordFile, next.Registry.PasswordFile);
        Compare("$.Tpm.Tcti", running.Tpm.Tcti, next.Tpm.Tcti);
        Compare("$.Tpm.EncryptSession", running.Tpm.EncryptSession, next.Tpm.EncryptSession);
        Compare("$.Tpm.KeepKeyCache", running.Tpm.KeepKeyCache, next.Tpm.KeepKeyCache);
        Compare("$.Tpm.AuthFile", running.Tpm.AuthFile, next.Tpm.AuthFile);
        return keys;

        void Compare<T>(string key, T one, T other)
        {
            if (!EqualityComparer<T>.Default.Equals(one, other))
                keys.Add(key);
        }
    }
}
