namespace IotPsk.Keys;

/// <summary>What the counter in this gateway's TPM must be.</summary>
internal abstract partial class SqlRegistry
{
    /// <inheritdoc/>
    public RollbackMark ReadRollbackMark() => ReadNow(session => session.First(
        "SELECT nv_index, nv_value, nv_state FROM nodes WHERE id = @node",
        static row => new RollbackMark((uint)row.GetInt64(0), (ulong)row.GetInt64(1), (RollbackState)row.GetInt32(2)),
        ("@node", _node)));

    /// <inheritdoc/>
    public void WriteRollbackMark(RollbackMark mark) => Write(session => session.Execute(
        "UPDATE nodes SET nv_index = @index, nv_value = @value, nv_state = @state WHERE id = @node",
        ("@index", (long)mark.Index), ("@value", (long)mark.Value), ("@state", (int)mark.State), ("@node", _node)));

    /// <inheritdoc/>
    public void AnnounceIncrement() => Write(session => session.Execute(
        "UPDATE nodes SET nv_value = nv_value + 1, nv_state = 2 WHERE nv_state = 1 AND id = @node", ("@node", _node)));

    /// <inheritdoc/>
    public void SettleIncrement(ulong value) => Write(session => session.Execute(
        "UPDATE nodes SET nv_state = CASE nv_state WHEN 2 THEN 0 ELSE 1 END WHERE nv_state IN (2, 3) AND nv_value = @value AND id = @node",
        ("@value", (long)value), ("@node", _node)));

    /// <summary>
    /// Somebody is shut out by this transaction: every gateway's TPM has to remember that. An increment that was announced before it is one too early:
    /// another follows.
    /// </summary>
    private static void MarkShutOut(SqlSession session) => session.Execute($"UPDATE nodes SET {ToRemember}");

    /// <summary>Something of this gateway's own may never be used again.</summary>
    private void MarkUsed(SqlSession session) => session.Execute($"UPDATE nodes SET {ToRemember} WHERE id = @node", ("@node", _node));

    private const string ToRemember = "nv_state = CASE nv_state WHEN 0 THEN 1 WHEN 2 THEN 3 ELSE nv_state END";
}
