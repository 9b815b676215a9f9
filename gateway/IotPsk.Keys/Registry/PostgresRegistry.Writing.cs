using Microsoft.Data.Sqlite;

namespace IotPsk.Keys;

/// <summary>Many rows at once, for each statement is a way to the server and back.</summary>
internal sealed partial class PostgresRegistry
{
    /// <summary>Takes over everything that a registry in a file has, whose "local" gateway is this one.</summary>
    /// <exception cref="RegistryException">One of the two cannot be read or written; nothing changed.</exception>
    internal void ReplaceBy(string path)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
        try
        {
            connection.Open();
            using var transaction = connection.BeginTransaction(deferred: true);
            Guard(() => WriteAlone(session =>
            {
                RegistryTransfer.Replace(new SqlSession(connection, transaction), session);
                RenameGateway(session, SqliteRegistry.Local, Node);
                return 0;
            }));
        }
        catch (SqliteException e)
        {
            throw SqliteFault.Explain(e, path);
        }
    }

    /// <inheritdoc/>
    private protected override int InsertDevices(SqlSession session, IEnumerable<string> ids, DeviceMode mode, long change, Action<int>? progress)
    {
        int done = 0, added = 0;
        foreach (var part in ids.Chunk(ProgressStep))
        {
            added += session.Execute(
                "INSERT INTO devices (id, mode, enrolled_at, generation, change) SELECT id, @mode, @now, 1, @change FROM unnest(@ids) AS id ON CONFLICT (id) DO NOTHING",
                ("@mode", (long)mode), ("@now", Now), ("@change", change), ("@ids", part));
            done += part.Length;
            if (part.Length == ProgressStep)
                progress?.Invoke(done);
        }

        return added;
    }

    /// <inheritdoc/>
    private protected override void UpdateEpochs(SqlSession session, IReadOnlyCollection<KeyValuePair<string, int>> notes, long change)
    {
        foreach (var part in notes.Chunk(ProgressStep))
        {
            session.Execute(
                "UPDATE devices SET last_epoch = noted.epoch, change = @change FROM unnest(@ids, @epochs) AS noted (id, epoch) WHERE devices.id = noted.id AND last_epoch <> noted.epoch",
                ("@change", change), ("@ids", part.Select(static note => note.Key).ToArray()), ("@epochs", part.Select(static note => note.Value).ToArray()));
        }
    }
}
