using Microsoft.Data.Sqlite;

namespace IotPsk.Keys;

/// <summary>The fleet and its epochs.</summary>
internal sealed partial class SqliteRegistry
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<int, int> CountByEpoch()
    {
        lock (_readGate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return Guard(() =>
            {
                using var command = Sql.Command(_reader, "SELECT last_epoch, count(*) FROM devices WHERE revoked_at IS NULL GROUP BY last_epoch", null);
                using var reader = command.ExecuteReader();
                var counts = new Dictionary<int, int>();
                while (reader.Read())
                    counts.Add(reader.GetInt32(0), reader.GetInt32(1));
                return counts;
            });
        }
    }

    /// <inheritdoc/>
    public void BeginFleet(
        string serverId, TpmKeyReference root, TpmKeyReference key, EsysTpm.WrappedKey wrapped, FleetAuthority? authority = null, int number = 1) => Write(transaction =>
    {
        Sql.Execute(
            _writer,
            "INSERT INTO fleet (id, server_id, root_handle, root_name, created_at, authority) VALUES (1, $server, $handle, $name, $now, $authority)",
            transaction,
            ("$server", serverId),
            ("$handle", (long)root.Handle),
            ("$name", root.Name),
            ("$now", Now),
            ("$authority", authority?.SubjectPublicKeyInfo));
        InsertPending(transaction, number, key, wrapped);
        return 0;
    });

    /// <inheritdoc/>
    public void BeginEpoch(int number, TpmKeyReference key, EsysTpm.WrappedKey wrapped, bool compromised) => Write(transaction =>
    {
        InsertPending(transaction, number, key, wrapped);
        if (compromised)
            MarkCompromised(transaction);
        return 0;
    });

    /// <inheritdoc/>
    public void MarkCompromised() => Write(MarkCompromised);

    /// <inheritdoc/>
    public EsysTpm.WrappedKey ReadPending(int number)
    {
        lock (_readGate)
        {
            return Guard(() =>
            {
                using var command = Sql.Command(
                    _reader, "SELECT wrapped_private, wrapped_public FROM epochs WHERE number = $number AND state = 0", null, ("$number", number));
                using var reader = command.ExecuteReader();
                if (!reader.Read() || reader.IsDBNull(0) || reader.IsDBNull(1))
                    throw new RegistryException(RegistryFault.Damaged, $"Registry {_state.RegistryPath} has no key for pending epoch {number}");
                return new EsysTpm.WrappedKey((byte[])reader.GetValue(0), (byte[])reader.GetValue(1));
            });
        }
    }

    /// <inheritdoc/>
    public void MovePending(int number, uint handle) => Write(transaction => Sql.Execute(
        _writer,
        "UPDATE epochs SET handle = $handle, change = $change WHERE number = $number AND state = 0",
        transaction,
        ("$handle", (long)handle),
        ("$change", NextChange(transaction)),
        ("$number", number)));

    /// <inheritdoc/>
    public void Activate(int number, byte[] checkValue) => Write(transaction =>
    {
        var change = NextChange(transaction);
        Sql.Execute(_writer, "UPDATE epochs SET state = 2, change = $change WHERE state = 1", transaction, ("$change", change));
        Sql.Execute(
            _writer,
            "UPDATE epochs SET state = 1, check_value = $check, wrapped_private = NULL, wrapped_public = NULL, change = $change " +
            "WHERE number = $number AND state = 0",
            transaction,
            ("$check", checkValue),
            ("$change", change),
            ("$number", number));
        return 0;
    });

    /// <inheritdoc/>
    public void Retire(int number) => Write(transaction =>
    {
        Sql.Execute(_writer, "DELETE FROM ticket_keys WHERE epoch = $number", transaction, ("$number", number));
        MarkShutOut(transaction);
        return Sql.Execute(
            _writer,
            "UPDATE epochs SET state = 3, retired_at = $now, change = $change WHERE number = $number AND state = 2",
            transaction,
            ("$now", Now),
            ("$change", NextChange(transaction)),
            ("$number", number));
    });

    /// <inheritdoc/>
    public void MarkEvicted(int number) => Write(transaction => Sql.Execute(
        _writer,
        "UPDATE epochs SET evicted_at = $now, change = $change WHERE number = $number AND state = 3 AND evicted_at IS NULL",
        transaction,
        ("$now", Now),
        ("$change", NextChange(transaction)),
        ("$number", number)));

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private void InsertPending(SqliteTransaction transaction, int number, TpmKeyReference key, EsysTpm.WrappedKey wrapped) => Sql.Execute(
        _writer,
        "INSERT INTO epochs (number, state, handle, name, wrapped_private, wrapped_public, created_at, change, pcr) " +
        "VALUES ($number, 0, $handle, $name, $private, $public, $now, $change, $pcr)",
        transaction,
        ("$number", number),
        ("$handle", (long)key.Handle),
        ("$name", key.Name),
        ("$private", wrapped.Private),
        ("$public", wrapped.Public),
        ("$now", Now),
        ("$change", NextChange(transaction)),
        ("$pcr", key.Pcr?.Text));

    private int MarkCompromised(SqliteTransaction transaction) => Sql.Execute(
        _writer,
        "UPDATE epochs SET compromised_at = $now, change = $change WHERE state IN (1, 2) AND compromised_at IS NULL",
        transaction,
        ("$now", Now),
        ("$change", NextChange(transaction)));
}
