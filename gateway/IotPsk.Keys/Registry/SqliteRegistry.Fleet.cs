namespace IotPsk.Keys;

/// <summary>
/// The fleet and its epochs. A new key is first written down as pending, with the blob the TPM wrapped it in, and only then made
/// persistent in the TPM: whatever step is interrupted, the next attempt finds the one key it has to finish.
/// </summary>
public sealed partial class SqliteRegistry
{
    /// <summary>Writes down a fleet and its first key, still pending.</summary>
    internal void BeginFleet(string serverId, TpmKeyReference root, TpmKeyReference key, EsysTpm.WrappedKey wrapped) => Write(transaction =>
    {
        Sql.Execute(
            _writer,
            "INSERT INTO fleet (id, server_id, root_handle, root_name, created_at) VALUES (1, $server, $handle, $name, $now)",
            transaction,
            ("$server", serverId),
            ("$handle", (long)root.Handle),
            ("$name", root.Name),
            ("$now", _time.GetUtcNow().ToUnixTimeMilliseconds()));
        Sql.Execute(
            _writer,
            "INSERT INTO epochs (number, state, handle, name, wrapped_private, wrapped_public, created_at, change) " +
            "VALUES (1, 0, $handle, $name, $private, $public, $now, $change)",
            transaction,
            ("$handle", (long)key.Handle),
            ("$name", key.Name),
            ("$private", wrapped.Private),
            ("$public", wrapped.Public),
            ("$now", _time.GetUtcNow().ToUnixTimeMilliseconds()),
            ("$change", NextChange(transaction)));
        return 0;
    });

    /// <summary>The blob of a pending key.</summary>
    /// <exception cref="RegistryException">There is none.</exception>
    internal EsysTpm.WrappedKey ReadPending(int number)
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

    /// <summary>Gives a pending key another handle.</summary>
    internal void MovePending(int number, uint handle) => Write(transaction => Sql.Execute(
        _writer,
        "UPDATE epochs SET handle = $handle, change = $change WHERE number = $number AND state = 0",
        transaction,
        ("$handle", (long)handle),
        ("$change", NextChange(transaction)),
        ("$number", number)));

    /// <summary>Makes a pending key the active one; the blob is forgotten, the one before goes on in overlap.</summary>
    internal void Activate(int number, byte[] checkValue) => Write(transaction =>
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
}
