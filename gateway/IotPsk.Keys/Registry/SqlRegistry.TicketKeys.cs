namespace IotPsk.Keys;

/// <summary>Keys of session tickets.</summary>
internal abstract partial class SqlRegistry
{
    /// <inheritdoc/>
    public IReadOnlyList<WrappedTicketKey> ReadTicketKeys() => ReadNow(ReadTicketKeys);

    /// <inheritdoc/>
    public void AddTicketKey(WrappedTicketKey key, Func<WrappedTicketKey, bool> willDo) => Write(session =>
    {
        if (ReadTicketKeys(session).Any(willDo))
            return 0;
        NextTicketChange(session);
        return session.Execute(
            "INSERT INTO ticket_keys (name, epoch, created_at, wrapped) VALUES (@name, @epoch, @created, @wrapped)",
            ("@name", key.Name), ("@epoch", key.Epoch), ("@created", key.CreatedAt.ToUnixTimeMilliseconds()), ("@wrapped", key.Wrapped));
    });

    /// <inheritdoc/>
    public void EraseTicketKeys(DateTimeOffset olderThan) => Write(session => session.Execute(
        "DELETE FROM ticket_keys WHERE created_at <= @before", ("@before", olderThan.ToUnixTimeMilliseconds())));

    private static List<WrappedTicketKey> ReadTicketKeys(SqlSession session) => session.List(
        "SELECT name, epoch, created_at, wrapped FROM ticket_keys ORDER BY created_at DESC, name",
        static row => new WrappedTicketKey((byte[])row.GetValue(0), row.GetInt32(1), SqlSession.Time(row.GetInt64(2)), (byte[])row.GetValue(3)));

    private static void NextTicketChange(SqlSession session) => session.Execute("UPDATE changes SET tickets = tickets + 1");
}
