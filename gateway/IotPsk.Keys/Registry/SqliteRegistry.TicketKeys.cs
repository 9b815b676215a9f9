using Microsoft.Data.Sqlite;

namespace IotPsk.Keys;

/// <summary>Keys of session tickets.</summary>
internal sealed partial class SqliteRegistry
{
    /// <inheritdoc/>
    public IReadOnlyList<WrappedTicketKey> ReadTicketKeys()
    {
        lock (_readGate)
            return Guard(() => Read(_reader, null));
    }

    /// <inheritdoc/>
    public void AddTicketKey(WrappedTicketKey key, Func<WrappedTicketKey, bool> willDo) => Write(transaction => Read(_writer, transaction).Any(willDo) ? 0 : Sql.Execute(
        _writer,
        "INSERT INTO ticket_keys (name, epoch, created_at, wrapped) VALUES ($name, $epoch, $created, $wrapped)",
        transaction,
        ("$name", key.Name),
        ("$epoch", key.Epoch),
        ("$created", key.CreatedAt.ToUnixTimeMilliseconds()),
        ("$wrapped", key.Wrapped)));

    /// <summary>Erases keys; secure_delete overwrites them in the file.</summary>
    public void EraseTicketKeys(DateTimeOffset olderThan) => Write(transaction => Sql.Execute(
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
