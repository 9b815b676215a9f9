namespace IotPsk.Keys;

/// <summary>The fleet, its epochs, and what each gateway has of them in its TPM.</summary>
internal abstract partial class SqlRegistry
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<int, int> CountByEpoch() => ReadNow(static session => session.List(
        "SELECT last_epoch, count(*) FROM devices WHERE revoked_at IS NULL GROUP BY last_epoch", static row => (Epoch: row.GetInt32(0), Count: row.GetInt32(1)))
        .ToDictionary(static row => row.Epoch, static row => row.Count));

    /// <inheritdoc/>
    public void BeginFleet(
        string serverId, TpmKeyReference root, TpmKeyReference key, EsysTpm.WrappedKey wrapped, FleetAuthority? authority = null, int number = 1) => Write(session =>
    {
        session.Execute(
            "INSERT INTO fleet (id, server_id, created_at, authority) VALUES (1, @server, @now, @authority)",
            ("@server", serverId), ("@now", Now), ("@authority", authority?.SubjectPublicKeyInfo));
        Join(session, root);
        InsertPending(session, number, key, wrapped);
        return 0;
    });

    /// <inheritdoc/>
    public void BeginEpoch(int number, TpmKeyReference key, EsysTpm.WrappedKey wrapped, bool compromised) => Write(session =>
    {
        InsertPending(session, number, key, wrapped);
        return compromised ? MarkCompromised(session, number) : 0;
    });

    /// <inheritdoc/>
    public void TakeEpoch(int number, TpmKeyReference root, TpmKeyReference key, EsysTpm.WrappedKey wrapped) => Write(session =>
    {
        Join(session, root);
        NextChange(session);
        return InsertKey(session, number, key, wrapped);
    });

    /// <inheritdoc/>
    public void MarkCompromised(int newest) => Write(session => MarkCompromised(session, newest));

    /// <inheritdoc/>
    public EsysTpm.WrappedKey ReadPending(int number) => ReadNow(session => session.First<EsysTpm.WrappedKey?>(
        "SELECT wrapped_private, wrapped_public FROM node_keys WHERE epoch = @number AND node = @node",
        static row => SqlSession.Bytes(row, 0) is { } secret && SqlSession.Bytes(row, 1) is { } open ? new EsysTpm.WrappedKey(secret, open) : null,
        ("@number", number), ("@node", _node)))
        ?? throw new RegistryException(RegistryFault.Damaged, $"Registry {Name} has no key for pending epoch {number}");

    /// <inheritdoc/>
    public void MovePending(int number, uint handle) => Write(session =>
    {
        NextChange(session);
        return session.Execute(
            "UPDATE node_keys SET handle = @handle WHERE epoch = @number AND node = @node AND wrapped_private IS NOT NULL",
            ("@handle", (long)handle), ("@number", number), ("@node", _node));
    });

    /// <inheritdoc/>
    public void Activate(int number, byte[] checkValue) => Write(session =>
    {
        var change = NextChange(session);
        session.Execute("UPDATE node_keys SET wrapped_private = NULL, wrapped_public = NULL WHERE epoch = @number AND node = @node", ("@number", number), ("@node", _node));
        // Another gateway of the fleet may have done this: then the key came here too, and nothing else changed.
        if (session.Scalar("SELECT count(*) FROM epochs WHERE number = @number AND state = 0", ("@number", number)) == 0)
            return 0;
        session.Execute("UPDATE epochs SET state = 2, change = @change WHERE state = 1", ("@change", change));
        return session.Execute(
            "UPDATE epochs SET state = 1, check_value = @check, change = @change WHERE number = @number",
            ("@check", checkValue), ("@change", change), ("@number", number));
    });

    /// <inheritdoc/>
    public void GiveUp(int number) => Write(session =>
    {
        NextChange(session);
        session.Execute("DELETE FROM node_keys WHERE epoch IN (SELECT number FROM epochs WHERE number = @number AND state = 0)", ("@number", number));
        return session.Execute("DELETE FROM epochs WHERE number = @number AND state = 0", ("@number", number));
    });

    /// <inheritdoc/>
    public void Retire(int number) => Write(session =>
    {
        session.Execute("DELETE FROM ticket_keys WHERE epoch = @number", ("@number", number));
        NextTicketChange(session);
        MarkShutOut(session);
        return session.Execute(
            "UPDATE epochs SET state = 3, retired_at = @now, change = @change WHERE number = @number AND state = 2",
            ("@now", Now), ("@change", NextChange(session)), ("@number", number));
    });

    /// <inheritdoc/>
    public void MarkEvicted(int number) => Write(session =>
    {
        NextChange(session);
        return session.Execute(
            "UPDATE node_keys SET evicted_at = @now WHERE epoch = @number AND node = @node AND evicted_at IS NULL " +
            "AND EXISTS (SELECT 1 FROM epochs WHERE number = @number AND state = 3)",
            ("@now", Now), ("@number", number), ("@node", _node));
    });

    /// <summary>
    /// This gateway's keys are in another TPM now, or it is another gateway than that of the backup; keys that are still being made stayed in the old one.
    /// </summary>
    internal void MoveTo(TpmKeyReference root, IEnumerable<(int Epoch, TpmKeyReference Key)> keys) => Write(session =>
    {
        session.Execute("DELETE FROM node_keys WHERE node = @node", ("@node", _node));
        session.Execute("DELETE FROM nodes WHERE id = @node", ("@node", _node));
        Join(session, root);
        NextChange(session);
        foreach (var (epoch, key) in keys)
            InsertKey(session, epoch, key, null);
        return session.Execute("DELETE FROM epochs WHERE state = 0 AND NOT EXISTS (SELECT 1 FROM node_keys WHERE epoch = number)");
    });

    /// <summary>The gateways, each with the storage root of its TPM.</summary>
    internal IReadOnlyList<(string Id, TpmKeyReference Root)> ReadGateways() => ReadNow(static session => session.List(
        "SELECT id, root_handle, root_name FROM nodes ORDER BY id", static row => (row.GetString(0), new TpmKeyReference((uint)row.GetInt64(1), (byte[])row.GetValue(2)))));

    /// <summary>This gateway is the one that had another name.</summary>
    internal void BecomeGateway(string name) => Write(session =>
    {
        NextChange(session);
        RenameGateway(session, name, _node);
        return 0;
    });

    private protected static void RenameGateway(SqlSession session, string from, string to)
    {
        if (from == to)
            return;
        session.Execute("DELETE FROM node_snapshots WHERE node = @to", ("@to", to));
        session.Execute("DELETE FROM node_keys WHERE node = @to", ("@to", to));
        session.Execute("DELETE FROM nodes WHERE id = @to", ("@to", to));
        session.Execute(
            "INSERT INTO nodes (id, root_handle, root_name, nv_index, nv_value, nv_state) SELECT @to, root_handle, root_name, nv_index, nv_value, nv_state FROM nodes WHERE id = @from",
            ("@from", from), ("@to", to));
        foreach (var table in (string[])["node_keys", "node_snapshots", "device_keys"])
            session.Execute($"UPDATE {table} SET node = @to WHERE node = @from", ("@from", from), ("@to", to));
        session.Execute("DELETE FROM nodes WHERE id = @from", ("@from", from));
    }

    private void Join(SqlSession session, TpmKeyReference root) => session.Execute(
        "INSERT INTO nodes (id, root_handle, root_name) VALUES (@node, @handle, @name) ON CONFLICT (id) DO NOTHING",
        ("@node", _node), ("@handle", (long)root.Handle), ("@name", root.Name));

    private void InsertPending(SqlSession session, int number, TpmKeyReference key, EsysTpm.WrappedKey wrapped)
    {
        session.Execute(
            "INSERT INTO epochs (number, state, name, created_at, change, pcr) VALUES (@number, 0, @name, @now, @change, @pcr)",
            ("@number", number), ("@name", key.Name), ("@now", Now), ("@change", NextChange(session)), ("@pcr", key.Pcr?.Text));
        InsertKey(session, number, key, wrapped);
    }

    private int InsertKey(SqlSession session, int number, TpmKeyReference key, EsysTpm.WrappedKey? wrapped) => session.Execute(
        "INSERT INTO node_keys (node, epoch, handle, wrapped_private, wrapped_public) VALUES (@node, @number, @handle, @private, @public)",
        ("@node", _node), ("@number", number), ("@handle", (long)key.Handle), ("@private", wrapped?.Private), ("@public", wrapped?.Public));

    private int MarkCompromised(SqlSession session, int newest) => session.Execute(
        "UPDATE epochs SET compromised_at = @now, change = @change WHERE state IN (1, 2) AND number <= @newest AND compromised_at IS NULL",
        ("@now", Now), ("@change", NextChange(session)), ("@newest", newest));
}
