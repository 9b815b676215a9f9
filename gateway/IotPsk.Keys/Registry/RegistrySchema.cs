namespace IotPsk.Keys;

/// <summary>The registry's schema, raised step by step, in the words of SQLite; PostgreSQL has the same one under the same numbers.</summary>
internal static class RegistrySchema
{
    /// <summary>The version this program writes.</summary>
    internal const long Version = 11;

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

    // Several gateways have one registry: what lies in a gateway's own TPM and files is kept for each, in SQLite for the one that is "local".
    private const string Version10 = """
        CREATE TABLE nodes (
            id TEXT PRIMARY KEY,
            root_handle INTEGER NOT NULL,
            root_name BLOB NOT NULL,
            nv_index INTEGER NOT NULL DEFAULT 0,
            nv_value INTEGER NOT NULL DEFAULT 0,
            nv_state INTEGER NOT NULL DEFAULT 0 CHECK (nv_state BETWEEN 0 AND 3)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO nodes (id, root_handle, root_name, nv_index, nv_value, nv_state)
            SELECT 'local', root_handle, root_name, nv_index, value, state FROM fleet CROSS JOIN rollback;
        CREATE TABLE node_keys (
            node TEXT NOT NULL REFERENCES nodes (id),
            epoch INTEGER NOT NULL REFERENCES epochs (number),
            handle INTEGER NOT NULL,
            wrapped_private BLOB,
            wrapped_public BLOB,
            evicted_at INTEGER,
            PRIMARY KEY (node, epoch)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO node_keys (node, epoch, handle, wrapped_private, wrapped_public, evicted_at)
            SELECT 'local', number, handle, wrapped_private, wrapped_public, evicted_at FROM epochs;
        CREATE TABLE node_snapshots (
            node TEXT NOT NULL,
            listener TEXT NOT NULL,
            generation INTEGER NOT NULL,
            epoch INTEGER NOT NULL,
            is_pending INTEGER NOT NULL CHECK (is_pending IN (0, 1)),
            PRIMARY KEY (node, listener)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO node_snapshots (node, listener, generation, epoch, is_pending)
            SELECT 'local', listener, generation, epoch, is_pending FROM snapshots;
        DROP TABLE snapshots;
        DROP TABLE rollback;
        ALTER TABLE fleet DROP COLUMN root_handle;
        ALTER TABLE fleet DROP COLUMN root_name;
        ALTER TABLE epochs DROP COLUMN handle;
        ALTER TABLE epochs DROP COLUMN wrapped_private;
        ALTER TABLE epochs DROP COLUMN wrapped_public;
        ALTER TABLE epochs DROP COLUMN evicted_at;
        ALTER TABLE changes ADD COLUMN tickets INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE changes ADD COLUMN restored INTEGER NOT NULL DEFAULT 0;
        """;

    // Whose TPM a device's own key is in.
    private const string Version11 = """
        ALTER TABLE device_keys ADD COLUMN node TEXT NOT NULL DEFAULT 'local';
        """;

    /// <summary>What brings a registry from the version of its index to the next.</summary>
    internal static IReadOnlyList<string> Steps { get; } = [Version1, Version2, Version3, Version4, Version5, Version6, Version7, Version8, Version9, Version10, Version11];

    /// <summary>Refuses a registry of a newer program.</summary>
    internal static void RequireKnown(long version, string name)
    {
        if (version > Version)
            throw new RegistryException(RegistryFault.TooNew, $"Registry {name} has schema {version}, this program knows up to {Version}: use the newer iotpsk that wrote it");
    }
}
