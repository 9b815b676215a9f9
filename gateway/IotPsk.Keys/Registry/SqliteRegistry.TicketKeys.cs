using Microsoft.Data.Sqlite;

namespace IotPsk.Keys;

/// <summary>Keys of session tickets, wrapped: every gateway of the registry finds the same ones.</summary>
public sealed partial class SqliteRegistry
{
    /// <summary>The keys, the newest first.</summary>
    internal IReadOnlyList<WrappedTicketKey> ReadTicketKeys()
    {
        lock (_readGate)
            return Guard(() => Read(_reader, null));
    }

    /// <summary>Adds a key unless one that will do is there by now, of another process.</summary>
    internal void AddTicketKey(WrappedTicketKey key, Func<WrappedTicketKey, bool> willDo) => Write(transaction => Read(_writer, transaction).Any(willDo) ? 0 : Sql.Execute(
        _writer,
        "INSERT INTO ticket_keys (name, epoch, created_at, wrapped) VALUES ($name, $epoch, $created, $wrapped)",
        transaction,
        ("$name", key.Name),
        ("$epoch", key.Epoch),
        ("$created", key.CreatedAt.ToUnixTimeMilliseconds()),
        ("$wrapped", key.Wrapped)));

    /// <summary>Erases keys; secure_delete overwrites them in the file.</summary>
    internal int EraseTicketKeys(DateTimeOffset olderThan) => Write(transaction => Sql.Execute(
        _writer, "DELETE FROM ticket_keys WHERE created_at <= $before", transaction, ("$before", olderThan.ToUnixTimeMilliseconds())));

    private static List<WrappedTicketKey> Read(SqliteConnection connection, SqliteTransaction? transaction)
    {
        using var command = Sql.Command(connection, "SELECT name, epoch, created_at, wrapped FROM ticket_keys ORDER BY created_at DESC, name", transaction);
        using var reader = command.ExecuteReader();
        var keys = new List<WrappedTicketKey>();
        while (reader.Read())
            keys.Add(new WrappedTicketKey((byte[])reader.GetValue(0), reader.GetInt32(1), Sql.Time(reader.GetInt64(2)), (byte[])reader.GetValue(3)));
        return keys;
    }
}
