using System.Data;
using System.Globalization;
using System.Text;
using Microsoft.Data.Sqlite;

namespace IotPsk.Keys;

/// <summary>Copies registries between databases: the tables are the same in all of them.</summary>
internal static class RegistryTransfer
{
    // A statement of SQLite takes 32766 parameters at the most.
    private const int MostParameters = 8000;

    // What is referred to stands before what refers to it.
    private static readonly string[] Tables = ["fleet", "nodes", "epochs", "node_keys", "devices", "device_keys", "ticket_keys", "node_snapshots"];

    /// <summary>Copies a registry into an empty file.</summary>
    /// <param name="from">A transaction that sees one state.</param>
    /// <param name="path">The file.</param>
    internal static void ToFile(SqlSession from, string path)
    {
        SqliteLibrary.Bind();
        try
        {
            using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false }.ToString());
            connection.Open();
            SqliteSchema.Migrate(connection, path);
            using var transaction = connection.BeginTransaction();
            var to = new SqlSession(connection, transaction);
            CopyTables(from, to);
            to.Execute("DELETE FROM changes");
            CopyTable(from, to, "changes");
            transaction.Commit();
        }
        catch (SqliteException e)
        {
            throw SqliteFault.Explain(e, path);
        }
    }

    /// <summary>Puts a registry in the place of another one: whoever watches that reads everything anew.</summary>
    /// <param name="from">A transaction that sees one state.</param>
    /// <param name="to">A transaction that writes alone.</param>
    internal static void Replace(SqlSession from, SqlSession to)
    {
        var marks = to.List(
            "SELECT id, nv_index, nv_value, nv_state FROM nodes", static row => (Id: row.GetString(0), Index: row.GetInt64(1), Value: row.GetInt64(2), State: row.GetInt32(3)));
        foreach (var table in Tables.Reverse())
            to.Execute($"DELETE FROM {table}");
        CopyTables(from, to);
        // What the TPMs of the other gateways remember did not change with the registry.
        foreach (var (id, index, value, state) in marks)
        {
            to.Execute(
                "UPDATE nodes SET nv_index = @index, nv_value = @value, nv_state = @state WHERE id = @id",
                ("@index", index), ("@value", value), ("@state", (long)state), ("@id", id));
        }

        var mark = from.First("SELECT last, tickets FROM changes", static row => (Last: row.GetInt64(0), Tickets: row.GetInt64(1)));
        to.Execute(
            "UPDATE changes SET last = (CASE WHEN last > @last THEN last ELSE @last END) + 1, tickets = (CASE WHEN tickets > @tickets THEN tickets ELSE @tickets END) + 1, restored = restored + 1",
            ("@last", mark.Last), ("@tickets", mark.Tickets));
    }

    private static void CopyTables(SqlSession from, SqlSession to)
    {
        foreach (var table in Tables)
            CopyTable(from, to, table);
    }

    private static void CopyTable(SqlSession from, SqlSession to, string table)
    {
        using var command = from.Command($"SELECT * FROM {table}");
        using var reader = command.ExecuteReader();
        var columns = Enumerable.Range(0, reader.FieldCount).Select(reader.GetName).ToArray();
        var types = Enumerable.Range(0, reader.FieldCount).Select(column => TypeOf(reader.GetFieldType(column))).ToArray();
        var rows = new List<object[]>();
        while (reader.Read())
        {
            var row = new object[columns.Length];
            reader.GetValues(row);
            rows.Add(row);
            if ((rows.Count + 1) * columns.Length <= MostParameters)
                continue;
            Insert(to, table, columns, types, rows);
            rows.Clear();
        }

        if (rows.Count > 0)
            Insert(to, table, columns, types, rows);
    }

    private static void Insert(SqlSession to, string table, string[] columns, DbType[] types, List<object[]> rows)
    {
        using var command = to.Connection.CreateCommand();
        command.Transaction = to.Transaction;
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"INSERT INTO {table} ({string.Join(", ", columns)}) VALUES ");
        for (var row = 0; row < rows.Count; row++)
        {
            for (var column = 0; column < columns.Length; column++)
            {
                var parameter = command.CreateParameter();
                parameter.ParameterName = string.Create(CultureInfo.InvariantCulture, $"@p{command.Parameters.Count}");
                (parameter.DbType, parameter.Value) = (types[column], rows[row][column]);
                command.Parameters.Add(parameter);
                text.Append(column == 0 ? row == 0 ? "(" : ", (" : ", ").Append(parameter.ParameterName);
            }

            text.Append(')');
        }

        command.CommandText = text.ToString();
        command.ExecuteNonQuery();
    }

    private static DbType TypeOf(Type type) => type == typeof(string) ? DbType.String : type == typeof(byte[]) ? DbType.Binary : DbType.Int64;
}
