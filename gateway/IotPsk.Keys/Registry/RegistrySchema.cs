using Microsoft.Data.Sqlite;

namespace IotPsk.Keys;

/// <summary>The registry's schema: numbered by user_version, raised step by step.</summary>
internal static class RegistrySchema
{
    /// <summary>application_id of the file: "IPSK".</summary>
    internal const long ApplicationId = 0x4950534b;

    /// <summary>The version this program writes.</summary>
    internal const long Version = 9;

    // Times are Unix milliseconds. "change" is a number that only grows: a reader asks for what is above the last one it saw.
    private const string Version1 = """
        CREATE TABLE changes (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            last INTEGER NOT NULL
        ) STRICT;
        INSERT INTO changes (id, last) VALUES (1, 0);
        CREATE TABLE fleet (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            server_id TEXT NOT NULL,
            root_handle INTEGER NOT NULL,
            root_name BLOB NOT NULL,
            created_at INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE epochs (
            number INTEGER PRIMARY KEY CHECK (number >= 1),
            state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
            handle INTEGER NOT NULL,
            name BLOB NOT NULL,
            check_value BLOB,
            wrapped_private BLOB,
            wrapped_public BLOB,
            created_at INTEGER NOT NULL,
            change INTEGER NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX epochs_active ON epochs (state) WHERE state = 1;
        CREATE TABLE devices (
            id TEXT PRIMARY KEY,
            mode INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 2),
            enrolled_at INTEGER NOT NULL,
            revoked_at INTEGER,
            generation INTEGER NOT NULL CHECK (generation >= 1),
            change INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX devices_change ON devices (change);
        """;

    private const string Version2 = """
        CREATE TABLE ticket_keys (
            name BLOB PRIMARY KEY,
            epoch INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            wrapped BLOB NOT NULL
        ) STRICT;
        """;

    private const string Version3 = """
        ALTER TABLE epochs ADD COLUMN compromised_at INTEGER;
        ALTER TABLE epochs ADD COLUMN retired_at INTEGER;
        ALTER TABLE epochs ADD COLUMN evicted_at INTEGER;
        ALTER TABLE devices ADD COLUMN last_epoch INTEGER NOT NULL DEFAULT 0;
        """;

    private const string Version4 = """
        CREATE TABLE device_keys (
            id TEXT PRIMARY KEY REFERENCES devices (id),
            pem TEXT NOT NULL,
            parent_name BLOB NOT NULL,
            randoms INTEGER NOT NULL CHECK (randoms IN (28, 32))
        ) STRICT, WITHOUT ROWID;
        """;

    private const string Version5 = """
        CREATE TABLE snapshots (
            listener TEXT PRIMARY KEY,
            generation INTEGER NOT NULL,
            epoch INTEGER NOT NULL,
            is_pending INTEGER NOT NULL CHECK (is_pending IN (0, 1))
        ) STRICT, WITHOUT ROWID;
        """;

    // The authority of a shareable fleet: SubjectPublicKeyInfo.
    private const string Version6 = """
        ALTER TABLE fleet ADD COLUMN authority BLOB;
        """;

    private const string Version7 = """
        CREATE TABLE rollback (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            nv_index INTEGER NOT NULL,
            value INTEGER NOT NULL,
            state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3)
        ) STRICT;
        INSERT INTO rollback (id, nv_index, value, state) VALUES (1, 0, 0, 0);
        """;

    private const string Version8 = """
        ALTER TABLE devices ADD COLUMN rekeyed_at INTEGER;
        """;

    // The PCRs a fleet key is bound to.
    private const string Version9 = """
        ALTER TABLE epochs ADD COLUMN pcr TEXT;
        """;

    private static readonly string[] Steps = [Version1, Version2, Version3, Version4, Version5, Version6, Version7, Version8, Version9];

    /// <summary>Brings a registry to <see cref="Version"/>.</summary>
    /// <exception cref="RegistryException">The file is of a newer program, or no registry.</exception>
    internal static void Migrate(SqliteConnection connection, string path) => Migrate(connection, path, Version);

    internal static void Migrate(SqliteConnection connection, string path, long target)
    {
        using var transaction = connection.BeginTransaction(deferred: false);
        var version = Sql.Scalar(connection, "PRAGMA user_version", transaction);
        var applicationId = Sql.Scalar(connection, "PRAGMA application_id", transaction);
        var empty = version == 0 && Sql.Scalar(connection, "SELECT count(*) FROM sqlite_master", transaction) == 0;
        if (!empty && applicationId != ApplicationId)
            throw new RegistryException(RegistryFault.Damaged, $"{path} is an SQLite file of another program, not a registry: name the right state directory");
        if (version > Version)
        {
            throw new RegistryException(
                RegistryFault.TooNew, $"Registry {path} has schema {version}, this program knows up to {Version}: use the newer iotpsk that wrote it");
        }

        if (version == target)
            return;
        for (; version < target; version++)
            Sql.Execute(connection, Steps[version], transaction);
        Sql.Execute(connection, $"PRAGMA application_id = {ApplicationId}; PRAGMA user_version = {target}", transaction);
        transaction.Commit();
    }
}
