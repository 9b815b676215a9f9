using Microsoft.Data.Sqlite;

namespace IotPsk.Keys;

/// <summary>The registry as one file.</summary>
internal sealed partial class SqliteRegistry
{
    /// <inheritdoc/>
    public override void CopyTo(string path) => ReadNow(session => session.Execute("VACUUM INTO @path", ("@path", path)));

    /// <summary>A file is for one gateway: what others have in their TPMs is theirs to take over again.</summary>
    internal void ForgetOthers() => Write(static session =>
    {
        session.Execute("DELETE FROM node_snapshots WHERE node <> @node", ("@node", Local));
        session.Execute("DELETE FROM node_keys WHERE node <> @node", ("@node", Local));
        session.Execute("DELETE FROM nodes WHERE id <> @node", ("@node", Local));
        return session.Execute("DELETE FROM epochs WHERE state = 0 AND NOT EXISTS (SELECT 1 FROM node_keys WHERE epoch = number)");
    });

    /// <summary>Brings everything into the one file, without a journal beside it.</summary>
    /// <exception cref="RegistryException">Somebody else has it open.</exception>
    internal void Seal()
    {
        lock (_writeGate)
        {
            _reader.Close();
            try
            {
                using var command = new SqlSession(_writer).Command("PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE");
                using var answer = command.ExecuteReader();
                do
                {
                    if (answer.Read() && answer.GetValue(0) is "wal")
                        throw InUse(null);
                }
                while (answer.NextResult());
            }
            catch (SqliteException e) when (e.SqliteErrorCode is 5 or 6)
            {
                throw InUse(e);
            }
        }
    }

    private RegistryException InUse(Exception? inner) => new(RegistryFault.Busy, $"Registry {State.RegistryPath} is in use: stop the gateway first", inner);
}
