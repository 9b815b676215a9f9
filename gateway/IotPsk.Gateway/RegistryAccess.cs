using System.Security.Cryptography;
using System.Text;
using IotPsk.Gateway.Configuration;
using IotPsk.Keys;

namespace IotPsk.Gateway;

/// <summary>The registry of a configuration.</summary>
internal static class RegistryAccess
{
    /// <summary>Name of the systemd credential (LoadCredential=) that holds the password of the database where no file is named.</summary>
    internal const string Credential = "registry-password";
    private const int MaxPassword = 1024;

    /// <summary>Where it is; the state directory exists.</summary>
    internal static RegistrySource Source(GatewayConfiguration configuration) => Source(configuration, StateDirectory.Open(configuration.State));

    /// <summary>Where it is, or is to be made.</summary>
    internal static RegistrySource SourceOrNew(GatewayConfiguration configuration) => Source(configuration, StateDirectory.OpenOrCreate(configuration.State));

    /// <summary>The registry of a fleet that was set up: one that is empty, for its file was lost, is no fleet without devices.</summary>
    internal static IRegistry Open(GatewayConfiguration configuration)
    {
        IRegistry registry = Source(configuration).Open();
        try
        {
            registry.RequireFleet();
            return registry;
        }
        catch
        {
            registry.Dispose();
            throw;
        }
    }

    /// <summary>Where it is, in words.</summary>
    internal static string Describe(GatewayConfiguration configuration) => Database(configuration)?.ToString() ?? "SQLite in the state directory";

    private static PostgresOptions? Database(GatewayConfiguration configuration)
    {
        if (configuration.Registry.Postgres is not { } connection)
            return null;
        return PostgresOptions.TryParse(connection, out PostgresOptions? options, out string problem)
            ? options : throw new UserError($"the connection {problem}", "$.Registry.Postgres", RegistryConfiguration.Example);
    }

    private static RegistrySource Source(GatewayConfiguration configuration, StateDirectory state)
    {
        if (Database(configuration) is not { } options)
            return RegistrySource.Sqlite(state);
        return RegistrySource.Postgres(state, Password(configuration.Registry) is { } password ? options.WithPassword(password) : options);
    }

    // Npgsql takes text, so this one cannot be zeroed.
    private static string? Password(RegistryConfiguration configuration)
    {
        if ((configuration.PasswordFile ?? CredentialFile.OfService(Credential)) is not { } path)
            return null;
        byte[] password = CredentialFile.Read(path, "the password of the registry's database", MaxPassword);
        try
        {
            return Encoding.UTF8.GetString(password);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(password);
        }
    }
}
