using IotPsk.Gateway.Serving.Telemetry;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace IotPsk.Gateway.Tests;

/// <summary>The queue's file in the long run: each commit does the same with the same, so that nothing grows.</summary>
public sealed class TelemetryStatementTests : IDisposable
{
    private const long Plenty = 64 << 20;
    private const int StatementRuns = 6;                // SQLITE_STMTSTATUS_RUN
    private readonly string _state = Directory.CreateTempSubdirectory("iotpsk-statements-").FullName;

    [Fact]
    public void A_statement_is_compiled_once_however_often_it_runs()
    {
        TelemetryStore.Open(_state, Plenty, out _).Dispose();
        using var connection = new SqliteConnection($"Data Source={Path.Combine(_state, "telemetry.db")};Pooling=False");
        connection.Open();
        connection.Handle!.enable_sqlite3_next_stmt(true);
        using var writer = new TelemetryWriter(connection);
        for (int i = 1; i <= 100; i++)
            writer.Commit([Message(i)], [i], delivered: i - 1, kept: i > 50 ? [7, 8] : []);
        var runs = new List<(string Text, int Runs)>();
        for (sqlite3_stmt? statement = null; (statement = raw.sqlite3_next_stmt(connection.Handle, statement)) is { IsInvalid: false };)
            runs.Add((raw.sqlite3_sql(statement).utf8_to_string().Split(' ')[0], raw.sqlite3_stmt_status(statement, StatementRuns, 0)));
        Assert.Equal([("BEGIN", 100), ("COMMIT", 100), ("DELETE", 50), ("INSERT", 100)], runs.Order());
    }

    [Fact]
    public void The_log_stays_as_it_is_while_messages_come_and_go()
    {
        using TelemetryStore store = TelemetryStore.Open(_state, Plenty, out _);
        Pass(1, 500);
        long log = Log();
        Pass(501, 2500);
        Assert.InRange(Log(), 1, log + (256 << 10));

        void Pass(int from, int to)
        {
            for (int i = from; i <= to; i++)
            {
                store.Commit([Message(i)], [i], delivered: i - 1, kept: []);
                Assert.Equal(i, Assert.Single(store.Read(i - 1, 100, Plenty)).Sequence);
                Assert.Equal(i, store.Oldest());
            }
        }

        long Log() => new FileInfo(Path.Combine(_state, "telemetry.db-wal")).Length;
    }

    public void Dispose() => Directory.Delete(_state, recursive: true);

    private static QueuedMessage Message(int i) => new(i, "dev/3303/0/5700", new byte[40], Retain: false);
}
