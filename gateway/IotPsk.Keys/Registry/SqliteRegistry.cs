using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace IotPsk.Keys;

/// <summary>The registry in one SQLite file (WAL), shared by all processes on one machine. One connection writes, another one reads.</summary>
internal sealed partial class SqliteRegistry : SqlRegistry
{
    /// <summary>The one gateway of the file.</summary>
    internal const string Local = "local";

    private const int BusyTimeoutSeconds = 5;
    private readonly SqliteConnection _writer;
    private readonly SqliteConnection _reader;
    private readonly Lock _writeGate = new();
    private readonly FileIdentity? _file;
    private long _seenDataVersion = -1;

    private SqliteRegistry(StateDirectory state, TimeProvider time)
        : base(state, Local, time)
    {
        _writer = Connect(state);
        try
        {
            _reader = Connect(state);
            _file = FileIdentity.Of(state.RegistryPath);
        }
        catch
        {
            _writer.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Location => State.Path;

    /// <inheritdoc/>
    public override bool IsShared => false;

    private protected override string Name => State.RegistryPath;

    /// <summary>Opens the registry of a state directory.</summary>
    /// <exception cref="RegistryException">Missing, damaged, of a newer program, or not to be opened by this user.</exception>
    public static SqliteRegistry Open(StateDirectory state, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (!File.Exists(state.RegistryPath) && !Directory.Exists(state.RegistryPath))
        {
            throw new RegistryException(
                RegistryFault.Missing, $"There is no registry in {state.Path}: make a fleet with 'iotpsk fleet init', or name the right state directory");
        }

        return Start(state, time ?? TimeProvider.System);
    }

    /// <summary>Opens the registry of a state directory, making an empty one if there is none.</summary>
    /// <exception cref="RegistryException">Damaged, of a newer program, or not to be opened by this user.</exception>
    public static SqliteRegistry OpenOrCreate(StateDirectory state, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.CreateRegistryFile();
        return Start(state, time ?? TimeProvider.System);
    }

    private protected override T Read<T>(Func<SqlSession, T> work) => work(new SqlSession(_reader));

    private protected override T? ReadIfChanged<T>(ChangeMark? seen, Func<SqlSession, T> work)
        where T : class
    {
        // Raised by each commit of other connections, whatever program made it.
        var dataVersion = new SqlSession(_reader).Scalar("PRAGMA data_version");
        if (seen != null && dataVersion == _seenDataVersion)
            return null;
        using var transaction = _reader.BeginTransaction(deferred: true);
        var result = work(new SqlSession(_reader, transaction));
        transaction.Commit();
        _seenDataVersion = dataVersion;
        return result;
    }

    private protected override T WriteAlone<T>(Func<SqlSession, T> work)
    {
        lock (_writeGate)
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            var transaction = _writer.BeginTransaction(deferred: false);
            try
            {
                var result = work(new SqlSession(_writer, transaction));
                transaction.Commit();
                return result;
            }
            finally
            {
                End(transaction);
            }
        }
    }

    /// <summary>What failed is told, and not that SQLite had rolled back by itself, as it does when the disk is full (sqlite.org/lang_transaction.html).</summary>
    private static void End(IDisposable transaction)
    {
        try
        {
            transaction.Dispose();
        }
        catch (SqliteException)
        {
            // "Cannot rollback": there is nothing left to take back.
        }
    }

    private protected override RegistryException Explain(DbException e) => SqliteFault.Explain(e, State.RegistryPath);

    private protected override string? CheckHealth() => FileIdentity.Of(State.RegistryPath) == _file
        ? null
        : $"Registry {State.RegistryPath} was replaced or removed while in use, so enrolments and revocations are no longer seen: restart iotpsk";

    private protected override void CloseReading() => _reader.Dispose();

    private protected override void CloseWriting()
    {
        lock (_writeGate)
            End(_writer);
    }

    private static SqliteRegistry Start(StateDirectory state, TimeProvider time)
    {
        SqliteLibrary.Bind();
        var registry = new SqliteRegistry(state, time);
        try
        {
            registry.Guard(() =>
            {
                SqliteSchema.Migrate(registry._writer, state.RegistryPath);
                registry.CheckIntegrity();
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

    private static SqliteConnection Connect(StateDirectory state)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = state.RegistryPath,
            Mode = SqliteOpenMode.ReadWrite,
            Pooling = false,
            DefaultTimeout = BusyTimeoutSeconds,
        }.ToString());
        try
        {
            connection.Open();
            new SqlSession(connection).Execute(
                $"PRAGMA busy_timeout = {BusyTimeoutSeconds * 1000}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON");
            return connection;
        }
        catch (SqliteException e)
        {
            connection.Dispose();
            throw SqliteFault.Explain(e, state.RegistryPath);
        }
    }

    private void CheckIntegrity()
    {
        using var command = new SqlSession(_writer).Command("PRAGMA quick_check(1)");
        var verdict = command.ExecuteScalar() as string;
        if (verdict != "ok")
            throw new RegistryException(RegistryFault.Damaged, $"Registry {State.RegistryPath} is damaged: restore it from a backup ({verdict?.ReplaceLineEndings(" ")})");
    }
}
