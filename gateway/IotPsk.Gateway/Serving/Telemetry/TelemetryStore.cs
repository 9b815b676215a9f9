using System.Text;
using IotPsk.Keys;
using Microsoft.Data.Sqlite;

namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>
/// The queue's file. SQLite and not a log of our own: its write-ahead log is such a log, with checksums that cut a torn tail, an fsync at each
/// commit, and twenty years of power cuts and full disks behind it; a transaction for many messages at once makes it fast enough.
/// One thread writes; others may read meanwhile.
/// </summary>
internal sealed class TelemetryStore : IDisposable
{
    /// <summary>What a message costs beside its topic and payload, in bytes: its row's other columns and its share of the tree.</summary>
    internal const int Overhead = 64;

    // Forgetting needs room too, for the log and its way into the file: taken from here, a queue that filled its disk can still be emptied.
    private const int LogPages = 256;
    private const long Reserve = 4 << 20;
    private const int PageSize = 4096;
    private const int Version = 1;
    private const int FreePagesWorthGivingBack = 256;
    private const string FileName = "telemetry.db";
    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private static readonly int[] Damage = [11 /* SQLITE_CORRUPT */, 26 /* SQLITE_NOTADB */];

    private readonly string _path;
    private readonly long _maxPages;
    private readonly Lock _readGate = new();
    private readonly FileStream _lock;
    private TelemetryWriter _writer;
    private bool _isDistrusted;
    private readonly SqliteConnection _reader;
    private readonly SqliteCommand _next, _oldest;

    private TelemetryStore(string path, long limit, FileStream held, TelemetryWriter writer, SqliteConnection reader)
    {
        // Pages are never all full, and what is deleted is free only after the commit.
        (_path, _maxPages, _lock, _writer, _reader) = (path, Math.Max(64, limit / PageSize * 3 / 2), held, writer, reader);
        // Kept, so that they are compiled once.
        _next = Command(reader, "SELECT sequence, topic, payload, retain FROM messages WHERE sequence > $after ORDER BY sequence LIMIT $count");
        _next.Parameters.Add("$after", SqliteType.Integer);
        _next.Parameters.Add("$count", SqliteType.Integer);
        _oldest = Command(reader, "SELECT taken FROM messages ORDER BY sequence LIMIT 1");
    }

    /// <summary>The client identifier of this gateway at the broker, made with the file.</summary>
    internal string ClientId { get; private set; } = "";

    /// <summary>What lies in the file when it is opened: messages, their bytes as <see cref="Cost"/> counts them, the last sequence number.</summary>
    internal (long Count, long Bytes, long Last) Found { get; private set; }

    /// <summary>Opens the file of a state directory, making it where there is none; a damaged one is put aside.</summary>
    /// <param name="state">The state directory, which exists.</param>
    /// <param name="limit">Bytes of messages at most; the file's size is bounded by it too.</param>
    /// <param name="aside">The path a damaged file was moved to; else null.</param>
    /// <exception cref="UserError">It cannot be opened, or another process has it.</exception>
    internal static TelemetryStore Open(string state, long limit, out string? aside)
    {
        SqliteLibrary.Bind();
        string path = Path.Combine(state, FileName);
        aside = null;
        FileStream? held = null;
        try
        {
            held = Create(Path.Combine(state, "telemetry.lock"), FileShare.None); // of two gateways each would send all of it
            Create(path, FileShare.ReadWrite).Dispose();
            try
            {
                return OpenOnce(path, limit, held);
            }
            catch (SqliteException e) when (Damage.Contains(e.SqliteErrorCode))
            {
                aside = $"{path}.damaged-{File.GetLastWriteTimeUtc(path):yyyyMMddHHmmss}";
                File.Move(path, aside, overwrite: true);
                File.Delete(path + "-wal");
                File.Delete(path + "-shm");
                Create(path, FileShare.ReadWrite).Dispose();
                return OpenOnce(path, limit, held);
            }
        }
        catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException)
        {
            held?.Dispose();
            throw new UserError($"the telemetry queue cannot be opened ({e.Message})", path, "free disk space, make it this user's, and end another gateway that has it", cause: e);
        }
    }

    internal static long Cost(string topic, int payload) => Encoding.UTF8.GetByteCount(topic) + payload + Overhead;

    /// <summary>Adds messages and forgets those delivered, in one commit: they are on the disk when this returns. All or nothing.</summary>
    /// <param name="messages">In their order.</param>
    /// <param name="times">When each was taken, in ms since 1970.</param>
    /// <param name="delivered">Delivered is every message up to this number, but those in <paramref name="kept"/>.</param>
    /// <param name="kept">Numbers of messages that stay.</param>
    /// <exception cref="SqliteException">The disk is full or broken.</exception>
    /// <exception cref="IOException">It is as good as full.</exception>
    internal void Commit(ReadOnlySpan<QueuedMessage> messages, ReadOnlySpan<long> times, long delivered, ReadOnlySpan<long> kept)
    {
        if (messages.Length > 0 && new DriveInfo(_path).AvailableFreeSpace is var free && free < Reserve)
            throw new IOException($"the disk is full: {free >> 10} KiB are free, and the last {Reserve >> 20} MiB are not for messages");
        Trust();
        _writer.Commit(messages, times, delivered, kept);
    }

    /// <summary>The next messages after one, fewer than <paramref name="count"/> if there are no more or they have together more than <paramref name="bytes"/>; at least one.</summary>
    internal List<QueuedMessage> Read(long after, int count, long bytes)
    {
        var messages = new List<QueuedMessage>();
        lock (_readGate)
        {
            (_next.Parameters[0].Value, _next.Parameters[1].Value) = (after, count);
            using SqliteDataReader row = _next.ExecuteReader();
            while (bytes > 0 && row.Read())
            {
                var message = new QueuedMessage(row.GetInt64(0), row.GetString(1), (byte[])row[2], row.GetBoolean(3));
                bytes -= Cost(message.Topic, message.Payload.Length);
                messages.Add(message);
            }
        }
        return messages;
    }

    /// <summary>When the oldest message was taken, in ms since 1970; null when there is none.</summary>
    internal long? Oldest()
    {
        lock (_readGate)
            return (long?)_oldest.ExecuteScalar();
    }

    /// <summary>Gives the disk back what an emptied queue does not need.</summary>
    internal void Shrink()
    {
        if (Scalar(_writer.Connection, "PRAGMA freelist_count") < FreePagesWorthGivingBack)
            return;
        Execute(_writer.Connection, "PRAGMA incremental_vacuum");
        Execute(_writer.Connection, "PRAGMA wal_checkpoint(TRUNCATE)");
    }

    /// <summary>After a failure: what a connection believes of a file whose writes failed is worth nothing. The next commit opens it anew.</summary>
    internal void Distrust() => _isDistrusted = true;

    public void Dispose()
    {
        lock (_readGate)
        {
            _writer.Dispose();
            _next.Dispose();
            _oldest.Dispose();
            _reader.Dispose();
        }
        _lock.Dispose();
    }

    private static TelemetryStore OpenOnce(string path, long limit, FileStream held)
    {
        var writer = new TelemetryWriter(Connect(path));
        SqliteConnection? reader = null;
        try
        {
            reader = Connect(path);
            var store = new TelemetryStore(path, limit, held, writer, reader);
            store.Prepare();
            return store;
        }
        catch
        {
            // The lock stays with the caller, who may try again.
            writer.Dispose();
            reader?.Dispose();
            throw;
        }
    }

    private void Prepare()
    {
        long version = Scalar(_writer.Connection, "PRAGMA user_version");
        if (version > Version)
            throw new IOException($"a newer version of this program made it, format {version}");
        if (version == 0)
            Make();
        // A page that was not written as it should have been is found now, not in the middle of the night.
        using (SqliteCommand check = Command(_writer.Connection, "PRAGMA quick_check(1)"))
        {
            if (check.ExecuteScalar() as string != "ok")
                throw new SqliteException("the file is damaged", Damage[0]);
        }
        Execute(_writer.Connection, $"PRAGMA max_page_count = {_maxPages}");
        using SqliteCommand client = Command(_reader, "SELECT value FROM meta WHERE key = 'client'");
        ClientId = (string)client.ExecuteScalar()!;
        Found = (Scalar(_reader, "SELECT COUNT(*) FROM messages"),
            Scalar(_reader, $"SELECT COALESCE(SUM(LENGTH(CAST(topic AS BLOB)) + LENGTH(payload) + {Overhead}), 0) FROM messages"),
            Scalar(_reader, "SELECT COALESCE(MAX(sequence), 0) FROM messages"));
    }

    // A commit that failed may have reached the disk all the same: its messages are sent then, and forgotten with the others.
    private void Trust()
    {
        if (!_isDistrusted)
            return;
        _writer.Dispose();
        _writer = new TelemetryWriter(Connect(_path));
        Execute(_writer.Connection, $"PRAGMA max_page_count = {_maxPages}");
        _isDistrusted = false;
    }

    private void Make()
    {
        using SqliteTransaction transaction = _writer.Connection.BeginTransaction();
        Execute(_writer.Connection, "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID", transaction);
        Execute(_writer.Connection, "CREATE TABLE messages (sequence INTEGER PRIMARY KEY, taken INTEGER NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL, retain INTEGER NOT NULL)", transaction);
        // Gateways of one fleet share its name, and a broker has one session for each client identifier: the name alone would not do. No device
        // can have this one, for none has a ~ in its id.
        Execute(_writer.Connection, $"INSERT INTO meta VALUES ('client', '~iotpsk-{Guid.NewGuid().ToString("N")[..12]}')", transaction);
        Execute(_writer.Connection, $"PRAGMA user_version = {Version}", transaction);
        transaction.Commit();
    }

    private static FileStream Create(string path, FileShare share) => new(path, new FileStreamOptions
    {
        Mode = FileMode.OpenOrCreate,
        Access = FileAccess.ReadWrite,
        Share = share,
        UnixCreateMode = OnlyOwner,
    });

    private static SqliteConnection Connect(string path)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false }.ToString());
        try
        {
            connection.Open();
            Execute(connection, $"PRAGMA page_size = {PageSize}; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = {LogPages}; PRAGMA busy_timeout = 5000");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static SqliteCommand Command(SqliteConnection connection, string text)
    {
        SqliteCommand command = connection.CreateCommand();
        command.CommandText = text;
        return command;
    }

    private static void Execute(SqliteConnection connection, string text, SqliteTransaction? transaction = null)
    {
        using SqliteCommand command = Command(connection, text);
        command.Transaction = transaction;
        command.ExecuteNonQuery();
    }

    private static long Scalar(SqliteConnection connection, string text)
    {
        using SqliteCommand command = Command(connection, text);
        return (long)command.ExecuteScalar()!;
    }
}
