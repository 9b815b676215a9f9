using System.Data;
using System.Data.Common;
using Npgsql;

namespace IotPsk.Keys;

/// <summary>
/// The registry in a PostgreSQL database, shared by the gateways of a fleet. Writers queue at the one row that counts the changes, so that they are
/// numbered in the order they are committed; each commit notifies the others, which also look twice a second. While the server is away lookups keep
/// what was seen last.
/// </summary>
internal sealed partial class PostgresRegistry : SqlRegistry
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);
    private readonly PostgresOptions _options;
    private readonly NpgsqlDataSource _source;
    private PostgresListener? _listener;
    private int _failures;
    private long _nextPoll;

    private PostgresRegistry(StateDirectory state, PostgresOptions options, TimeProvider time)
        : base(state, NodeIdentity.Of(state), time)
    {
        _options = options;
        _source = NpgsqlDataSource.Create(options.ConnectionString);
    }

    /// <inheritdoc/>
    public override string Location => _options.ToString();

    /// <inheritdoc/>
    public override bool IsShared => true;

    private protected override string Name => $"in {_options}";

    /// <summary>A handshake waits for no database.</summary>
    private protected override bool KeepsKeys => true;

    private protected override bool IsTimeToPoll => Clock.GetTimestamp() >= Volatile.Read(ref _nextPoll);

    /// <summary>Opens a registry.</summary>
    /// <param name="state">This gateway's own files.</param>
    /// <param name="options">Where the registry is.</param>
    /// <param name="time">The clock; null for the system's.</param>
    /// <param name="create">Make it if there is none.</param>
    /// <exception cref="RegistryException">Missing, not to be reached or opened, or of a newer program.</exception>
    internal static PostgresRegistry Open(StateDirectory state, PostgresOptions options, TimeProvider? time, bool create)
    {
        var registry = new PostgresRegistry(state, options, time ?? TimeProvider.System);
        try
        {
            registry.Guard(() =>
            {
                using var connection = registry._source.OpenConnection();
                PostgresSchema.Migrate(connection, options, create);
                return 0;
            });
            registry.Refresh();
            return registry;
        }
        catch
        {
            registry.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void CopyTo(string path) => Guard(() => OnConnection(connection =>
    {
        using var transaction = connection.BeginTransaction(IsolationLevel.RepeatableRead);
        RegistryTransfer.ToFile(new SqlSession(connection, transaction), path);
        return 0;
    }));

    private protected override void OnWatch()
    {
        if (_options.Listens)
            _listener = new PostgresListener(_source, Channel, RefreshQuietly);
    }

    private void RefreshQuietly()
    {
        try
        {
            Refresh();
        }
        catch (KeysException)
        {
            // The poll tells.
        }
    }

    private protected override void OnPolled(bool succeeded)
    {
        _failures = succeeded ? 0 : Math.Min(_failures + 1, 8);
        var pause = PollInterval * (1 << _failures);
        Volatile.Write(ref _nextPoll, succeeded ? 0 : Clock.GetTimestamp() + (long)((pause < LongestPause ? pause : LongestPause).TotalSeconds * Clock.TimestampFrequency));
    }

    private protected override T Read<T>(Func<SqlSession, T> work) => OnConnection(connection => work(new SqlSession(connection)));

    private protected override T? ReadIfChanged<T>(ChangeMark? seen, Func<SqlSession, T> work)
        where T : class => OnConnection(connection =>
    {
        if (seen != null && ReadMark(new SqlSession(connection)) == seen)
            return null;
        using var transaction = connection.BeginTransaction(IsolationLevel.RepeatableRead);
        var result = work(new SqlSession(connection, transaction));
        transaction.Commit();
        return result;
    });

    private protected override T WriteAlone<T>(Func<SqlSession, T> work)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        var begun = OnConnection(BeginWriting, keep: true);
        using var connection = begun.Connection;
        using var transaction = begun.Transaction;
        var session = new SqlSession(connection, transaction);
        var result = work(session);
        session.Execute("SELECT pg_notify(@channel, '')", ("@channel", Channel));
        Commit(transaction);
        return result;
    }

    private protected override RegistryException Explain(DbException e) => e is Microsoft.Data.Sqlite.SqliteException ? SqliteFault.Explain(e, "of the backup") : PostgresFault.Explain(e, _options);

    private protected override void CloseReading()
    {
    }

    private protected override void CloseWriting()
    {
        _listener?.Dispose();
        _source.Dispose();
    }

    private static (NpgsqlConnection Connection, NpgsqlTransaction Transaction) BeginWriting(NpgsqlConnection connection)
    {
        var transaction = connection.BeginTransaction();
        // A writer that waits here too long fails; one whose machine died while it wrote is given up by the server.
        new SqlSession(connection, transaction).Execute(
            "SET LOCAL lock_timeout = '5s'; SET LOCAL idle_in_transaction_session_timeout = '10s'; SELECT last FROM changes FOR UPDATE");
        return (connection, transaction);
    }

    private void Commit(NpgsqlTransaction transaction)
    {
        try
        {
            transaction.Commit();
        }
        catch (NpgsqlException e) when (e is not PostgresException { Severity: "ERROR" })
        {
            throw new RegistryException(
                RegistryFault.Inaccessible, $"Registry in {_options} was lost while a change was being written, which may be there or not: look before trying again ({e.GetBaseException().Message})", e);
        }
    }

    /// <summary>Works on a connection of the pool; one that broke while it lay there is replaced, and the work is done once more.</summary>
    private T OnConnection<T>(Func<NpgsqlConnection, T> work, bool keep = false)
    {
        for (var isFirst = true; ; isFirst = false)
        {
            var connection = _source.OpenConnection();
            var keeping = false;
            try
            {
                var result = work(connection);
                keeping = keep;
                return result;
            }
            catch (NpgsqlException) when (isFirst && connection.State != ConnectionState.Open)
            {
                // Stale: the server was restarted since.
            }
            finally
            {
                if (!keeping)
                    connection.Dispose();
            }
        }
    }

    private string Channel => $"{_options.Schema}_changes";
}
