using Microsoft.Data.Sqlite;

namespace IotPsk.Keys;

/// <summary>The schema of a file: numbered by user_version.</summary>
internal static class SqliteSchema
{
    /// <summary>application_id of the file: "IPSK".</summary>
    private const long ApplicationId = 0x4950534b;

    /// <summary>Brings a registry to <see cref="RegistrySchema.Version"/>.</summary>
    /// <exception cref="RegistryException">The file is of a newer program, or no registry.</exception>
    internal static void Migrate(SqliteConnection connection, string path) => Migrate(connection, path, RegistrySchema.Version);

    internal static void Migrate(SqliteConnection connection, string path, long target)
    {
        using var transaction = connection.BeginTransaction(deferred: false);
        var session = new SqlSession(connection, transaction);
        var version = session.Scalar("PRAGMA user_version");
        var applicationId = session.Scalar("PRAGMA application_id");
        var empty = version == 0 && session.Scalar("SELECT count(*) FROM sqlite_master") == 0;
        if (!empty && applicationId != ApplicationId)
            throw new RegistryException(RegistryFault.Damaged, $"{path} is an SQLite file of another program, not a registry: name the right state directory");
        RegistrySchema.RequireKnown(version, path);
        if (version == target)
            return;
        for (; version < target; version++)
            session.Execute(RegistrySchema.Steps[(int)version]);
        session.Execute($"PRAGMA application_id = {ApplicationId}; PRAGMA user_version = {target}");
        transaction.Commit();
    }
}
