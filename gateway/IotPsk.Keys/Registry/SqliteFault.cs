using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace IotPsk.Keys;

/// <summary>SQLite's failures in our words (result codes: sqlite.org/rescode.html).</summary>
internal static class SqliteFault
{
    private const int Busy = 5;
    private const int Locked = 6;
    private const int ReadOnly = 8;
    private const int IoError = 10;
    private const int Corrupt = 11;
    private const int Full = 13;
    private const int CannotOpen = 14;
    private const int NotADatabase = 26;

    internal static RegistryException Explain(DbException e, string path)
    {
        var (code, extended) = e is SqliteException sqlite ? (sqlite.SqliteErrorCode, sqlite.SqliteExtendedErrorCode) : (0, 0);
        var (fault, what) = code switch
        {
            Corrupt or NotADatabase => (RegistryFault.Damaged, "is damaged: restore it from a backup"),
            Busy or Locked => (RegistryFault.Busy, "is held by another process: try again"),
            ReadOnly or CannotOpen => (RegistryFault.Inaccessible, $"cannot be opened and written by user {Environment.UserName}: check owner and mode of the file and its directory"),
            Full => (RegistryFault.Inaccessible, "cannot grow: the disk is full"),
            IoError => (RegistryFault.Inaccessible, "cannot be read or written: check the disk"),
            _ => (RegistryFault.Damaged, "answers with an error"),
        };
        return new RegistryException(fault, $"Registry {path} {what} (SQLite {code}/{extended}: {e.Message})", e);
    }
}
