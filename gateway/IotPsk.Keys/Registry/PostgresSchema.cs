using System.Text.RegularExpressions;
using Npgsql;

namespace IotPsk.Keys;

/// <summary>The schema of a database: numbered by a table, raised by one program at a time.</summary>
internal static partial class PostgresSchema
{
    /// <summary>Brings a registry to <see cref="RegistrySchema.Version"/>, all or nothing.</summary>
    /// <param name="connection">Open, and in no transaction.</param>
    /// <param name="options">Where the registry is.</param>
    /// <param name="create">Make it if there is none.</param>
    /// <exception cref="RegistryException">There is none, it is of a newer program, or what is there is something else.</exception>
    internal static void Migrate(NpgsqlConnection connection, PostgresOptions options, bool create) => Migrate(connection, options, create, RegistrySchema.Version);

    internal static void Migrate(NpgsqlConnection connection, PostgresOptions options, bool create, long target)
    {
        using var transaction = connection.BeginTransaction();
        var session = new SqlSession(connection, transaction);
        session.Execute("SET LOCAL statement_timeout = '60s'; SELECT pg_advisory_xact_lock(hashtextextended(@lock, 0))", ("@lock", $"iotpsk schema {options.Schema}"));
        var version = ReadVersion(session, options, create);
        RegistrySchema.RequireKnown(version, options.ToString());
        if (version == target)
            return;
        for (; version < target; version++)
            session.Execute(Translate(RegistrySchema.Steps[(int)version]));
        session.Execute("UPDATE registry_schema SET version = @version", ("@version", target));
        transaction.Commit();
    }

    // The schema's name is one of a-z 0-9 and _.
    private static long ReadVersion(SqlSession session, PostgresOptions options, bool create)
    {
        var tables = session.List(
            "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = to_regnamespace(quote_ident(@schema))", static row => row.GetString(0), ("@schema", options.Schema));
        if (tables.Contains("registry_schema"))
            return session.Scalar($"SELECT version FROM \"{options.Schema}\".registry_schema");
        if (tables.Count > 0)
        {
            throw new RegistryException(
                RegistryFault.Damaged, $"{options}: schema {options.Schema} holds tables of another program: name another database, or another schema by Search Path");
        }

        if (!create)
        {
            throw new RegistryException(
                RegistryFault.Missing, $"There is no registry in {options}: make a fleet with 'iotpsk fleet init', or name the right database");
        }

        if (session.Scalar("SELECT count(*) FROM pg_namespace WHERE nspname = @schema", ("@schema", options.Schema)) == 0)
            session.Execute($"CREATE SCHEMA \"{options.Schema}\"");
        session.Execute("CREATE TABLE registry_schema (id BIGINT PRIMARY KEY CHECK (id = 1), version BIGINT NOT NULL); INSERT INTO registry_schema (id, version) VALUES (1, 0)");
        return 0;
    }

    /// <summary>What SQLite calls INTEGER is 64 bits wide.</summary>
    private static string Translate(string step) => Options().Replace(step.Replace(" INTEGER", " BIGINT", StringComparison.Ordinal).Replace(" BLOB", " BYTEA", StringComparison.Ordinal), ");");

    [GeneratedRegex(@"\) STRICT(, WITHOUT ROWID)?;", RegexOptions.CultureInvariant)]
    private static partial Regex Options();
}
