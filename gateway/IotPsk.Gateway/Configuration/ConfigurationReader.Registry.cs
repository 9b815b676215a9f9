using IotPsk.Keys;

namespace IotPsk.Gateway.Configuration;

/// <summary>The section <c>Registry</c>.</summary>
internal sealed partial class ConfigurationReader
{
    private RegistryConfiguration Registry(JsonObjectReader? reader)
    {
        if (reader is null)
            return new RegistryConfiguration();
        var registry = new RegistryConfiguration { Postgres = reader.Text("Postgres"), PasswordFile = OptionalPath(reader, "PasswordFile") };
        reader.End();
        // The text is not told back: a password may stand in it.
        if (registry.Postgres is { } connection && !PostgresOptions.TryParse(connection, out _, out string problem))
            Error(reader.PathOf("Postgres"), problem, RegistryConfiguration.Example);
        if (registry is { Postgres: null, PasswordFile: not null } && !reader.Has("Postgres"))
            Error(reader.PathOf("PasswordFile"), "has no meaning without Postgres", "remove it, or say where the database is");
        return registry;
    }
}
