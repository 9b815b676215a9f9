using Microsoft.Data.Sqlite;

namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>
/// The connection that writes the queue's file, with its statements: SQLite compiles each once. Compiled anew for every commit they cost more than all
/// else of it, and a heap of small pieces.
/// </summary>
internal sealed class TelemetryWriter : IDisposable
{
    private readonly SqliteCommand _begin, _insert, _forget, _commit;

    /// <param name="connection">The connection, disposed with the writer; its tables are made later.</param>
    internal TelemetryWriter(SqliteConnection connection)
    {
        Connection = connection;
        (_begin, _commit) = (Command("BEGIN IMMEDIATE"), Command("COMMIT"));
        _insert = Command("INSERT INTO messages (sequence, taken, topic, payload, retain) VALUES ($sequence, $taken, $topic, $payload, $retain)",
            ("$sequence", SqliteType.Integer), ("$taken", SqliteType.Integer), ("$topic", SqliteType.Text), ("$payload", SqliteType.Blob), ("$retain", SqliteType.Integer));
        _forget = Command("DELETE FROM messages WHERE sequence <= $delivered", ("$delivered", SqliteType.Integer));
    }

    internal SqliteConnection Connection { get; }

    /// <summary>As <see cref="TelemetryStore.Commit"/>; after an exception the connection is worth nothing.</summary>
    internal void Commit(ReadOnlySpan<QueuedMessage> messages, ReadOnlySpan<long> times, long delivered, ReadOnlySpan<long> kept)
    {
        // Not by SqliteTransaction: it rolls back what a full disk has rolled back already, and what is heard of is that.
        _begin.ExecuteNonQuery();
        Forget(delivered, kept);
        for (int i = 0; i < messages.Length; i++)
        {
            QueuedMessage message = messages[i];
            Set(_insert, message.Sequence, times[i], message.Topic, message.Payload, message.Retain ? 1 : 0);
            _insert.ExecuteNonQuery();
        }
        _commit.ExecuteNonQuery();
    }

    public void Dispose()
    {
        foreach (SqliteCommand command in (ReadOnlySpan<SqliteCommand>)[_begin, _insert, _forget, _commit])
            command.Dispose();
        Connection.Dispose();
    }

    private void Forget(long delivered, ReadOnlySpan<long> kept)
    {
        if (kept.Length == 0)
        {
            Set(_forget, delivered);
            _forget.ExecuteNonQuery();
            return;
        }
        using SqliteCommand forget = Command($"{_forget.CommandText} AND sequence NOT IN ({string.Join(',', kept.ToArray())})", ("$delivered", SqliteType.Integer));
        Set(forget, delivered);
        forget.ExecuteNonQuery();
    }

    private SqliteCommand Command(string text, params ReadOnlySpan<(string Name, SqliteType Type)> parameters)
    {
        SqliteCommand command = Connection.CreateCommand();
        command.CommandText = text;
        foreach ((string name, SqliteType type) in parameters)
            command.Parameters.Add(name, type);
        return command;
    }

    private static void Set(SqliteCommand command, params ReadOnlySpan<object> values)
    {
        for (int i = 0; i < values.Length; i++)
            command.Parameters[i].Value = values[i];
    }
}
