using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace IotPsk.TestSupport;

/// <summary>A PostgreSQL server of the tests' own, made and ended by tests/postgres.sh: it goes when its input ends, at the latest with this process.</summary>
internal sealed class PostgresServer : IDisposable
{
    private static readonly Lazy<PostgresServer> s_shared = new(() =>
    {
        var server = new PostgresServer();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => server.Dispose();
        return server;
    });

    private static int s_databases;
    private readonly Process _process;
    private readonly string _directory;

    public PostgresServer()
    {
        Port = FreePorts.Take();
        _process = Process.Start(new ProcessStartInfo("bash", [Script(), Port.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        }) ?? throw new InvalidOperationException("bash did not start.");
        var problem = _process.StandardError.ReadToEndAsync();
        var ready = _process.StandardOutput.ReadLine();
        if (ready is null || !ready.StartsWith("ready ", StringComparison.Ordinal))
            throw new InvalidOperationException($"PostgreSQL did not start: {problem.GetAwaiter().GetResult()}");
        _directory = ready["ready ".Length..];
        Password = File.ReadAllText(Path.Combine(_directory, "password"));
    }

    /// <summary>The one of the whole run.</summary>
    public static PostgresServer Shared => s_shared.Value;

    public int Port { get; }

    /// <summary>The password of the role iotpsk, which owns everything.</summary>
    public string Password { get; }

    /// <summary>An empty database.</summary>
    /// <returns>Its name.</returns>
    public string CreateDatabase(string? template = null)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"test_{Interlocked.Increment(ref s_databases)}");
        Execute("postgres", $"CREATE DATABASE {name}{(template is null ? "" : $" TEMPLATE {template}")}");
        return name;
    }

    /// <summary>The way to a database, as a configuration writes it: without the password.</summary>
    public string Connection(string database) => string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={Port};Database={database};Username=iotpsk");

    /// <summary>Executes statements as another program does.</summary>
    public void Execute(string database, string sql) => Scalar(database, sql);

    /// <summary>A number that a statement answers; 0 if it answers none.</summary>
    public long Scalar(string database, string sql)
    {
        using var connection = new NpgsqlConnection($"{Connection(database)};Password={Password};Pooling=false");
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        return command.ExecuteScalar() as long? ?? 0;
    }

    /// <summary>Ends the server; its data stay.</summary>
    public void Stop() => Tell("stop");

    /// <summary>Starts it again.</summary>
    public void Start() => Tell("start");

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }

    private void Tell(string word)
    {
        _process.StandardInput.WriteLine(word);
        _process.StandardInput.Flush();
        if (_process.StandardOutput.ReadLine() != word)
            throw new InvalidOperationException($"PostgreSQL did not {word}.");
    }

    private static string Script()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "IotPsk.sln")))
                return Path.Combine(at.FullName, "tests", "postgres.sh");
        }

        throw new DirectoryNotFoundException("IotPsk.sln is in no folder above " + AppContext.BaseDirectory);
    }
}
