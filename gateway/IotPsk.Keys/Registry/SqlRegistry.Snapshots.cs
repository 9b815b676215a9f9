using System.Buffers.Binary;
using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>Which snapshot of a listener's associations is the one to be loaded.</summary>
/// <param name="Generation">Told to nobody else before, and taken once.</param>
/// <param name="Epoch">The fleet key that the snapshot's key came from.</param>
public sealed record SnapshotRecord(long Generation, int Epoch);

/// <summary>Snapshots of this gateway's associations: what is in the file must be used once, so the number that makes it good is kept here.</summary>
internal abstract partial class SqlRegistry
{
    /// <inheritdoc/>
    public long AnnounceSnapshot(string listener, int epoch)
    {
        ArgumentNullException.ThrowIfNull(listener);
        // Not the next one: a registry that was restored would give numbers out again, and a file of then would be good a second time; so would that of
        // another gateway with the same fleet key.
        long generation = BinaryPrimitives.ReadInt64BigEndian(RandomNumberGenerator.GetBytes(sizeof(long))) & long.MaxValue;
        return Write(session => session.Scalar(
            "INSERT INTO node_snapshots (node, listener, generation, epoch, is_pending) VALUES (@node, @listener, @generation, @epoch, 1) " +
            "ON CONFLICT (node, listener) DO UPDATE SET generation = @generation, epoch = @epoch, is_pending = 1 RETURNING generation",
            ("@node", _node), ("@listener", listener), ("@generation", generation), ("@epoch", epoch)));
    }

    /// <inheritdoc/>
    public SnapshotRecord? TakeSnapshot(string listener)
    {
        ArgumentNullException.ThrowIfNull(listener);
        return Write(session =>
        {
            var record = session.First(
                "UPDATE node_snapshots SET is_pending = 0 WHERE node = @node AND listener = @listener AND is_pending = 1 RETURNING generation, epoch",
                static row => new SnapshotRecord(row.GetInt64(0), row.GetInt32(1)),
                ("@node", _node), ("@listener", listener));
            if (record is not null)
                MarkUsed(session);
            return record;
        });
    }

    /// <summary>Gives up what was announced: a registry that was put back does not know what was taken since.</summary>
    /// <exception cref="RegistryException">The registry cannot be written.</exception>
    internal void VoidSnapshots() => Write(static session => session.Execute("UPDATE node_snapshots SET is_pending = 0"));
}
