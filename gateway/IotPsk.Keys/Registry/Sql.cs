using Microsoft.Data.Sqlite;

namespace IotPsk.Keys;

/// <summary>Short forms over Microsoft.Data.Sqlite, and its errors as ours.</summary>
internal static class Sql
{
    private const int Busy = 5;
    private const int Locked = 6;
    private const int ReadOnly = 8;
    private const int IoError = 10;
    private const int Corrupt = 11;
    private const int Full = 13;
    private const int CannotOpen = 14;
    private const int NotADatabase = 26;

    internal static SqliteCommand Command(SqliteConnection connection, string text, SqliteTransaction? transaction, params ReadOnlySpan<(string Name, object? Value)> values)
    {
        var command = connection.CreateCommand();
        command.CommandText = text;
        command.Transaction = transaction;
        foreach (var (name, value) in values)
            command.Parameters.AddWithValue(name, value ?? DBNull.Value);
        return command;
    }

    internal static int Execute(SqliteConnection connection, string text, SqliteTransaction? transaction, params ReadOnlySpan<(string Name, object? Value)> values)
    {
        using var command = Command(connection, text, transaction, values);
        return command.ExecuteNonQuery();
    }

    internal static long Scalar(SqliteConnection connection, string text, SqliteTransaction? transaction = null)
    {
        using var command = Command(connection, text, transaction);
        return (long)(command.ExecuteScalar() ?? 0L);
    }

    internal static DateTimeOffset Time(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);

    /// <summary>SQLite's failure in our words (result codes: sqlite.org/rescode.html).</summary>
    internal static RegistryException Explain(SqliteException e, string path)
    {
        var (fault, what) = e.SqliteErrorCode switch
        {
            Corrupt or NotADatabase => (RegistryFault.Damaged, "is damaged: restore it from a backup"),
            Busy or Locked => (RegistryFault.Busy, "is held by another process: try again"),
            ReadOnly or CannotOpen => (RegistryFault.Inaccessible, $"cannot be opened and written by user {Environment.UserName}: check owner and mode of the file and its directory"),
            Full => (RegistryFault.Inaccessible, "cannot grow: the disk is full"),
            IoError => (RegistryFault.Inaccessible, "cannot be read or written: check the disk"),
            _ => (RegistryFault.Damaged, "answers with an error"),
        };
        return new RegistryException(fault, $"Registry {path} {what} (SQLite {e.SqliteErrorCode}/{e.SqliteExtendedErrorCode}: {e.Message})", e);
    }
}
