using System.Data.Common;
using System.Net.Sockets;
using Npgsql;

namespace IotPsk.Keys;

/// <summary>PostgreSQL's failures in our words (Appendix A of its manual).</summary>
internal static class PostgresFault
{
    internal static RegistryException Explain(DbException e, PostgresOptions options)
    {
        var (fault, what) = e is PostgresException server ? Of(server, options) : Of(e);
        return new RegistryException(fault, $"Registry in {options} {what} ({Reason(e)})", e);
    }

    private static (RegistryFault Fault, string What) Of(PostgresException e, PostgresOptions options) => e.SqlState switch
    {
        PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification =>
            (RegistryFault.Inaccessible, $"does not let user {options.User} in: check the password file and the server's pg_hba.conf"),
        PostgresErrorCodes.InvalidCatalogName => (RegistryFault.Missing, $"is not there: make the database with createdb -O {options.User}, or name the right one"),
        PostgresErrorCodes.InsufficientPrivilege => (RegistryFault.Inaccessible, $"may not be used by user {options.User}: make that user the owner of the database"),
        PostgresErrorCodes.ReadOnlySqlTransaction => (RegistryFault.Inaccessible, "cannot be written, for the server is a standby: name the primary"),
        PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.DeadlockDetected => (RegistryFault.Busy, "is held by another gateway or program: try again"),
        "25P03" => (RegistryFault.Busy, "gave up waiting for this program, and nothing was written: try again"),
        PostgresErrorCodes.DiskFull => (RegistryFault.Inaccessible, "cannot grow: the server's disk is full"),
        PostgresErrorCodes.TooManyConnections => (RegistryFault.Busy, "has no connection free: raise the server's max_connections"),
        PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow =>
            (RegistryFault.Inaccessible, "is starting or stopping: try again"),
        PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn => (RegistryFault.Damaged, "is damaged: restore it from a backup"),
        _ => (RegistryFault.Damaged, "answers with an error"),
    };

    private static (RegistryFault Fault, string What) Of(DbException e)
    {
        for (Exception? inner = e; inner != null; inner = inner.InnerException)
        {
            switch (inner)
            {
                case SocketException:
                    return (RegistryFault.Inaccessible, "cannot be reached: check Host and Port, and that the server runs");
                case TimeoutException:
                    return (RegistryFault.Inaccessible, "does not answer in time: check the network and the server");
                case System.Security.Authentication.AuthenticationException:
                    return (RegistryFault.Inaccessible, "does not prove itself by TLS: name its CA by Root Certificate in the connection");
            }
        }

        return (RegistryFault.Inaccessible, "cannot be reached");
    }

    // Details and hints of a server's error may quote rows.
    private static string Reason(DbException e) => e is PostgresException server ? $"{server.SqlState}: {server.MessageText}" : e.GetBaseException().Message;
}
