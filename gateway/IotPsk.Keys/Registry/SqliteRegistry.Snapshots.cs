namespace IotPsk.Keys;

/// <summary>Which snapshot of a listener's associations is the one to be loaded.</summary>
/// <param name="Generation">Told to nobody else before, and taken once.</param>
/// <param name="Epoch">The fleet key that the snapshot's key came from.</param>
public sealed record SnapshotRecord(long Generation, int Epoch);

/// <summary>Snapshots of associations: what is in the file must be used once, so the number that makes it good is kept here.</summary>
public sealed partial class SqliteRegistry
{
    /// <summary>Announces a snapshot that is about to be written; every earlier one of the listener is void.</summary>
    /// <param name="listener">The listener's name.</param>
    /// <param name="epoch">The epoch whose fleet key seals it.</param>
    /// <returns>The number it is to be written with.</returns>
    /// <exception cref="RegistryException">The registry cannot be written.</exception>
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

    /// <summary>
    /// Gives the number of the listener's snapshot, the first time it is asked for; null ever after, and if none was announced. The snapshot is to be
    /// used only when <see cref="RollbackGuard.Sync"/> has had the TPM remember this: then a copy of the whole state directory is worth nothing either.
    /// </summary>
    /// <exception cref="RegistryException">The registry cannot be written: then the snapshot must not be used.</exception>
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
