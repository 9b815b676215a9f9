using Npgsql;

namespace IotPsk.Keys;

/// <summary>Holds a fleet for one writer of fleet keys: of this gateway's processes by a file, as they share a TPM, and of all gateways by the database.</summary>
internal sealed class PostgresFleetLock : IDisposable
{
    private readonly IDisposable _here;
    private readonly NpgsqlDataSource _source;
    private readonly NpgsqlConnection _connection;

    /// <summary>Takes it.</summary>
    /// <exception cref="RegistryException">Another process holds it, or the database is not to be reached.</exception>
    internal PostgresFleetLock(StateDirectory state, PostgresOptions options)
    {
        _here = state.LockFleet();
        // A connection of its own, which ends with it: so does the lock, whatever becomes of this program.
        _source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(options.ConnectionString) { Pooling = false });
        _connection = _source.CreateConnection();
        try
        {
            _connection.Open();
            var session = new SqlSession(_connection);
            // A moment's patience: the server may not have seen yet that whoever held it has ended.
            session.Execute("SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; SET lock_timeout = '2s'");
            session.Execute("SELECT pg_advisory_lock(hashtextextended(@lock, 0))", ("@lock", $"iotpsk fleet {options.Schema}"));
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            Dispose();
            throw new RegistryException(RegistryFault.Busy, $"Another gateway is working on the fleet keys of {options}: wait until it has ended", e);
        }
        catch (NpgsqlException e)
        {
            Dispose();
            throw PostgresFault.Explain(e, options);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Gives it back.</summary>
    public void Dispose()
    {
        _connection.Dispose();
        _source.Dispose();
        _here.Dispose();
    }
}
