namespace IotPsk.Keys;

/// <summary>Keys of session tickets, wrapped: every gateway of the registry finds the same ones.</summary>
public sealed partial class SqliteRegistry
{
    /// <summary>The keys, the newest first.</summary>
    internal IReadOnlyList<WrappedTicketKey> ReadTicketKeys()
    {
        lock (_readGate)
        {
            return Guard(() =>
            {
                using var command = Sql.Command(_reader, "SELECT name, epoch, created_at, wrapped FROM ticket_keys ORDER BY created_at DESC, name", null);
                using var reader = command.ExecuteReader();
                var keys = new List<WrappedTicketKey>();
                while (reader.Read())
                    keys.Add(new WrappedTicketKey((byte[])reader.GetValue(0), reader.GetInt32(1), Sql.Time(reader.GetInt64(2)), (byte[])reader.GetValue(3)));
                return keys;
            });
        }
    }

    /// <summary>Adds a key unless another process did since <paramref name="unlessAfter"/>.</summary>
    internal void AddTicketKey(WrappedTicketKey key, DateTimeOffset unlessAfter) => Write(transaction => Sql.Execute(
        _writer,
        "INSERT INTO ticket_keys (name, epoch, created_at, wrapped) SELECT $name, $epoch, $created, $wrapped " +
        "WHERE NOT EXISTS (SELECT 1 FROM ticket_keys WHERE created_at > $after AND epoch = $epoch)",
        transaction,
        ("$name", key.Name),
        ("$epoch", key.Epoch),
        ("$created", key.CreatedAt.ToUnixTimeMilliseconds()),
        ("$wrapped", key.Wrapped),
        ("$after", unlessAfter.ToUnixTimeMilliseconds())));

    /// <summary>Erases keys; secure_delete overwrites them in the file.</summary>
    internal int EraseTicketKeys(DateTimeOffset olderThan) => Write(transaction => Sql.Execute(
        _writer, "DELETE FROM ticket_keys WHERE created_at <= $before", transaction, ("$before", olderThan.ToUnixTimeMilliseconds())));
}
