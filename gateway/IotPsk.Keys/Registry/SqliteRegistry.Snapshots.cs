namespace IotPsk.Keys;

/// <summary>Which snapshot of a listener's associations is the one to be loaded.</summary>
/// <param name="Generation">Told to nobody else before, and taken once.</param>
/// <param name="Epoch">The fleet key that the snapshot's key came from.</param>
public sealed record SnapshotRecord(long Generation, int Epoch);

/// <summary>Snapshots of associations: what is in the file must be used once, so the number that makes it good is kept here.</summary>
internal sealed partial class SqliteRegistry
{
    /// <inheritdoc/>
    public long AnnounceSnapshot(string listener, int epoch)
    {
        ArgumentNullException.ThrowIfNull(listener);
        return Write(transaction =>
        {
            Sql.Execute(
                _writer,
                "INSERT INTO snapshots (listener, generation, epoch, is_pending) VALUES ($listener, 1, $epoch, 1) " +
                "ON CONFLICT (listener) DO UPDATE SET generation = generation + 1, epoch = $epoch, is_pending = 1",
                transaction, ("$listener", listener), ("$epoch", epoch));
            using var command = Sql.Command(_writer, "SELECT generation FROM snapshots WHERE listener = $listener", transaction, ("$listener", listener));
            return (long)command.ExecuteScalar()!;
        });
    }

    /// <inheritdoc/>
    public SnapshotRecord? TakeSnapshot(string listener)
    {
        ArgumentNullException.ThrowIfNull(listener);
        return Write(transaction =>
        {
            SnapshotRecord? record = null;
            using (var command = Sql.Command(_writer, "SELECT generation, epoch FROM snapshots WHERE listener = $listener AND is_pending = 1", transaction, ("$listener", listener)))
            using (var reader = command.ExecuteReader())
            {
                if (reader.Read())
                    record = new SnapshotRecord(reader.GetInt64(0), reader.GetInt32(1));
            }
            if (record is not null)
            {
                Sql.Execute(_writer, "UPDATE snapshots SET is_pending = 0 WHERE listener = $listener", transaction, ("$listener", listener));
                MarkShutOut(transaction);
            }
            return record;
        });
    }

    /// <summary>Gives up what was announced: a registry that was put back does not know what was taken since.</summary>
    /// <exception cref="RegistryException">The registry cannot be written.</exception>
    internal void VoidSnapshots() => Write(transaction => Sql.Execute(_writer, "UPDATE snapshots SET is_pending = 0", transaction));
}
