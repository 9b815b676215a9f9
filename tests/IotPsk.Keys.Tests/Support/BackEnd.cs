using IotPsk.TestSupport;
using Microsoft.Data.Sqlite;

namespace IotPsk.Keys.Tests.Support;

/// <summary>What a registry is kept in: the same tests run on each. A registry of its own, and the files of its gateways.</summary>
public abstract class BackEnd : IDisposable
{
    private readonly TempDirectory _directory = new();

    /// <summary>Files of the test's own.</summary>
    internal TempDirectory Directory => _directory;

    /// <summary>The first gateway's files.</summary>
    internal StateDirectory State => StateDirectory.OpenOrCreate(_directory["state"]);

    /// <summary>The registry, for the first gateway.</summary>
    internal RegistrySource Source => At(State);

    /// <summary>The registry, for whoever has these files.</summary>
    internal abstract RegistrySource At(StateDirectory state);

    /// <summary>Another one of the same kind.</summary>
    internal abstract BackEnd Another();

    /// <summary>Changes it as another program does.</summary>
    internal abstract void Execute(string sql);

    /// <summary>A copy of all of it, that is put back by what this gives.</summary>
    internal abstract Action Copy();

    public void Dispose()
    {
        _directory.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>A file in the state directory.</summary>
public sealed class SqliteBackEnd : BackEnd
{
    internal override RegistrySource At(StateDirectory state) => RegistrySource.Sqlite(state);

    internal override BackEnd Another() => new SqliteBackEnd();

    internal override void Execute(string sql)
    {
        SqliteLibrary.Bind();
        using var connection = new SqliteConnection($"Data Source={State.RegistryPath};Mode=ReadWrite;Pooling=False");
        connection.Open();
        new SqlSession(connection).Execute(sql);
    }

    internal override Action Copy()
    {
        var copy = Directory[$"copy-{Guid.NewGuid():N}"];
        using (var registry = SqliteRegistry.Open(State))
            registry.CopyTo(copy);
        return () =>
        {
            File.Delete(State.RegistryPath + "-wal");
            File.Delete(State.RegistryPath + "-shm");
            File.Copy(copy, State.RegistryPath, overwrite: true);
        };
    }
}

/// <summary>A database of the run's server.</summary>
public sealed class PostgresBackEnd : BackEnd
{
    // With the tables in it: making them takes longer than copying them.
    private static readonly Lazy<string> s_template = new(static () =>
    {
        var template = PostgresServer.Shared.CreateDatabase();
        using var directory = new TempDirectory();
        RegistrySource.Postgres(StateDirectory.OpenOrCreate(directory["state"]), OptionsOf(template)).OpenOrCreate().Dispose();
        return template;
    });

    private string _database = PostgresServer.Shared.CreateDatabase(s_template.Value);

    internal override RegistrySource At(StateDirectory state) => RegistrySource.Postgres(state, OptionsOf(_database));

    internal override BackEnd Another() => new PostgresBackEnd();

    internal override void Execute(string sql) => PostgresServer.Shared.Execute(_database, "SET search_path = iotpsk; " + sql);

    internal override Action Copy()
    {
        var copy = PostgresServer.Shared.CreateDatabase(_database);
        return () => _database = copy;
    }

    // The poll alone, on the test's clock: listening has tests of its own.
    private static PostgresOptions OptionsOf(string database)
    {
        Assert.True(PostgresOptions.TryParse(PostgresServer.Shared.Connection(database) + ";Pooling=false", out var options, out var problem), problem);
        return options.WithPassword(PostgresServer.Shared.Password) with { Listens = false };
    }
}
