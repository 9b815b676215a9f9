using Microsoft.Data.Sqlite;

namespace IotPsk.Keys;

/// <summary>The registry as one file.</summary>
internal sealed partial class SqliteRegistry
{
    /// <inheritdoc/>
    public override void CopyTo(string path) => ReadNow(session => session.Execute("VACUUM INTO @path", ("@path", path)));

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
