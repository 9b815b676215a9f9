using Microsoft.Data.Sqlite;

namespace IotPsk.Keys;

/// <summary>The registry as one file.</summary>
internal sealed partial class SqliteRegistry
{
    /// <inheritdoc/>
    public void CopyTo(string path)
    {
        lock (_readGate)
            Guard(() => Sql.Execute(_reader, "VACUUM INTO $path", null, ("$path", path)));
    }

    /// <summary>The fleet's keys are in another TPM now; keys that are still being made stayed in the old one.</summary>
    internal void MoveTo(TpmKeyReference root, IEnumerable<(int Epoch, TpmKeyReference Key)> keys) => Write(transaction =>
    {
        Sql.Execute(_writer, "UPDATE fleet SET root_handle = $handle, root_name = $name", transaction, ("$handle", (long)root.Handle), ("$name", root.Name));
        foreach (var (epoch, key) in keys)
        {
            Sql.Execute(
                _writer, "UPDATE epochs SET handle = $handle, change = $change WHERE number = $number", transaction,
                ("$handle", (long)key.Handle), ("$change", NextChange(transaction)), ("$number", epoch));
        }

        // The counter stayed there too.
        Sql.Execute(_writer, "UPDATE rollback SET nv_index = 0, value = 0, state = 0", transaction);
        return Sql.Execute(_writer, "DELETE FROM epochs WHERE state = 0", transaction);
    });

    /// <summary>Brings everything into the one file, without a journal beside it.</summary>
    /// <exception cref="RegistryException">Somebody else has it open.</exception>
    internal void Seal()
    {
        lock (_readGate)
        {
            lock (_writeGate)
            {
                _reader.Close();
                try
                {
                    using var command = Sql.Command(_writer, "PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE", null);
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
    }

    private RegistryException InUse(Exception? inner) => new(RegistryFault.Busy, $"Registry {_state.RegistryPath} is in use: stop the gateway first", inner);
}
