using System.Collections.Concurrent;

namespace IotPsk.Keys;

/// <summary>Which epoch each device uses: noted in memory at a handshake, written with the next look for changes.</summary>
internal abstract partial class SqlRegistry
{
    private readonly ConcurrentDictionary<string, int> _epochNotes = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public void NoteEpoch(string id, int epoch)
    {
        if (_devices.TryGetValue(id, out var device) && device.LastEpoch != epoch)
            _epochNotes[id] = epoch;
    }

    /// <summary>Notes the epochs of devices that used another one before.</summary>
    private protected virtual void UpdateEpochs(SqlSession session, IReadOnlyCollection<KeyValuePair<string, int>> notes, long change)
    {
        using var update = session.Command(
            "UPDATE devices SET last_epoch = @epoch, change = @change WHERE id = @id AND last_epoch <> @epoch", ("@epoch", 0), ("@change", change), ("@id", ""));
        foreach (var (id, epoch) in notes)
        {
            update.Parameters["@epoch"].Value = epoch;
            update.Parameters["@id"].Value = id;
            update.ExecuteNonQuery();
        }
    }

    /// <summary>Writes the notes. Nothing but fleet status rests on them: when the registry cannot be written they wait for the next time.</summary>
    private void WriteEpochNotes()
    {
        if (_epochNotes.IsEmpty)
            return;
        var notes = _epochNotes.ToArray();
        try
        {
            Write(session =>
            {
                UpdateEpochs(session, notes, NextChange(session));
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
