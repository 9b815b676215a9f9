using IotPsk.Gateway.Configuration;
using IotPsk.Keys;

namespace IotPsk.Gateway;

/// <summary>The registry of a configuration.</summary>
internal static class RegistryAccess
{
    /// <summary>Where it is; the state directory exists.</summary>
    internal static RegistrySource Source(GatewayConfiguration configuration) => RegistrySource.Sqlite(StateDirectory.Open(configuration.State));

    /// <summary>Where it is, or is to be made.</summary>
    internal static RegistrySource SourceOrNew(GatewayConfiguration configuration) => RegistrySource.Sqlite(StateDirectory.OpenOrCreate(configuration.State));

    /// <summary>The registry of a fleet that was set up.</summary>
    internal static IRegistry Open(GatewayConfiguration configuration) => Source(configuration).Open();
}
