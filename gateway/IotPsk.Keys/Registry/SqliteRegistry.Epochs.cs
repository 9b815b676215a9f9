using System.Collections.Concurrent;

namespace IotPsk.Keys;

/// <summary>Which epoch each device uses: noted in memory at a handshake, written with the next look for changes.</summary>
internal sealed partial class SqliteRegistry
{
    private readonly ConcurrentDictionary<string, int> _epochNotes = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public void NoteEpoch(string id, int epoch)
    {
        if (_devices.TryGetValue(id, out var device) && device.LastEpoch != epoch)
            _epochNotes[id] = epoch;
    }

    /// <summary>Writes the notes. Nothing but fleet status rests on them: when the registry cannot be written they wait for the next time.</summary>
    private void WriteEpochNotes()
    {
        if (_epochNotes.IsEmpty)
            return;
        var notes = _epochNotes.ToArray();
        try
        {
            Write(transaction =>
            {
                using var update = Sql.Command(
                    _writer, "UPDATE devices SET last_epoch = $epoch, change = $change WHERE id = $id AND last_epoch <> $epoch", transaction,
                    ("$epoch", 0), ("$id", ""), ("$change", NextChange(transaction)));
                foreach (var (id, epoch) in notes)
                {
                    update.Parameters["$id"].Value = id;
                    update.Parameters["$epoch"].Value = epoch;
                    update.ExecuteNonQuery();
                }

                return 0;
            });
        }
        catch (Exception e) when (e is RegistryException or ObjectDisposedException)
        {
            return;
        }

        foreach (var note in notes)
            _epochNotes.TryRemove(note);
    }
}
