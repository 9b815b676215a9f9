using Microsoft.Data.Sqlite;

namespace IotPsk.Keys;

/// <summary>What the TPM's counter must be.</summary>
internal sealed partial class SqliteRegistry
{
    /// <inheritdoc/>
    public RollbackMark ReadRollbackMark()
    {
        lock (_readGate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return Guard(() =>
            {
                using var command = Sql.Command(_reader, "SELECT nv_index, value, state FROM rollback", null);
                using var reader = command.ExecuteReader();
                return reader.Read()
                    ? new RollbackMark((uint)reader.GetInt64(0), (ulong)reader.GetInt64(1), (RollbackState)reader.GetInt32(2))
                    : default;
            });
        }
    }

    /// <inheritdoc/>
    public void WriteRollbackMark(RollbackMark mark) => Write(transaction => Sql.Execute(
        _writer, "UPDATE rollback SET nv_index = $index, value = $value, state = $state", transaction,
        ("$index", (long)mark.Index), ("$value", (long)mark.Value), ("$state", (int)mark.State)));

    /// <inheritdoc/>
    public void AnnounceIncrement() => Write(transaction => Sql.Execute(
        _writer, "UPDATE rollback SET value = value + 1, state = 2 WHERE state = 1", transaction));

    /// <inheritdoc/>
    public void SettleIncrement(ulong value) => Write(transaction => Sql.Execute(
        _writer, "UPDATE rollback SET state = CASE state WHEN 2 THEN 0 ELSE 1 END WHERE state IN (2, 3) AND value = $value", transaction, ("$value", (long)value)));

    /// <summary>Somebody is shut out by this transaction, or something may never be used again. An increment that was announced before it is one too early: another follows.</summary>
    private void MarkShutOut(SqliteTransaction transaction) => Sql.Execute(
        _writer, "UPDATE rollback SET state = CASE state WHEN 0 THEN 1 WHEN 2 THEN 3 ELSE state END", transaction);
}
