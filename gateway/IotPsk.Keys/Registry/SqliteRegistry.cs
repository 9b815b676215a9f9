using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Data.Sqlite;

namespace IotPsk.Keys;

/// <summary>
/// The registry in one SQLite file (WAL), shared by all processes on one machine. One connection writes; another one reads what changed,
/// whoever changed it, into memory, where lookups are answered without a lock.
/// </summary>
internal sealed partial class SqliteRegistry : IRegistry, IFleetStore, ITicketKeyStore, IRollbackStore
{
    /// <summary>How often changes of other processes are looked for.</summary>
    public static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);

    private const int BusyTimeoutSeconds = 5;
    private readonly StateDirectory _state;
    private readonly TimeProvider _time;
    private readonly SqliteConnection _writer;
    private readonly SqliteConnection _reader;
    private readonly Lock _writeGate = new();
    private readonly Lock _readGate = new();
    private readonly ConcurrentDictionary<string, DeviceRecord> _devices = new(StringComparer.Ordinal);
    private long _seenDataVersion = -1;
    private long _seenChange = -1;
    private volatile FleetRecord? _fleet;
    private volatile bool _devicesLoaded;
    private bool _keepDevices;
    private volatile string? _pollProblem;
    private readonly FileIdentity? _file;
    private ITimer? _poll;
    private int _polling;
    private volatile bool _disposed;

    private SqliteRegistry(StateDirectory state, TimeProvider time)
    {
        _state = state;
        _time = time;
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
    public event Action<DeviceRecord>? DeviceChanged;

    /// <inheritdoc/>
    public event Action<FleetRecord>? FleetChanged;

    /// <inheritdoc/>
    public StateDirectory State => _state;

    /// <inheritdoc/>
    public string Location => _state.Path;

    /// <inheritdoc/>
    public IFleetStore Fleets => this;

    /// <inheritdoc/>
    public ITicketKeyStore TicketKeys => this;

    /// <inheritdoc/>
    public IRollbackStore Rollback => this;

    /// <inheritdoc/>
    public FleetRecord? Fleet => _fleet;

    /// <inheritdoc/>
    public int DeviceCount
    {
        get
        {
            LoadDevices();
            return _devices.Count;
        }
    }

    /// <inheritdoc/>
    public IEnumerable<DeviceRecord> Devices
    {
        get
        {
            LoadDevices();
            return _devices.Values;
        }
    }

    /// <inheritdoc/>
    public string? PollProblem => _pollProblem;

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

    /// <inheritdoc/>
    public bool TryGetDevice(string id, [NotNullWhen(true)] out DeviceRecord? device)
    {
        LoadDevices();
        return _devices.TryGetValue(id, out device);
    }

    /// <inheritdoc/>
    public void Watch()
    {
        LoadDevices();
        lock (_readGate)
        {
            if (!_disposed)
                _poll ??= _time.CreateTimer(static registry => ((SqliteRegistry)registry!).Poll(), this, PollInterval, PollInterval);
        }
    }

    /// <inheritdoc/>
    public void Refresh()
    {
        List<DeviceRecord> devices;
        FleetRecord? fleet;
        lock (_readGate)
        {
            if (_disposed)
                return;
            (devices, fleet) = Guard(ReadChanges);
        }

        if (fleet != null)
            FleetChanged?.Invoke(fleet);
        if (DeviceChanged is not { } changed)
            return;
        foreach (var device in devices)
            changed(device);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_disposed)
            WriteEpochNotes();
        lock (_readGate)
        {
            if (_disposed)
                return;
            _disposed = true;
            _poll?.Dispose();
            _reader.Dispose();
        }

        lock (_writeGate)
            _writer.Dispose();
    }

    private static SqliteRegistry Start(StateDirectory state, TimeProvider time)
    {
        SqliteLibrary.Bind();
        var registry = new SqliteRegistry(state, time);
        try
        {
            registry.Guard(() =>
            {
                RegistrySchema.Migrate(registry._writer, state.RegistryPath);
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
            Sql.Execute(
                connection,
                $"PRAGMA busy_timeout = {BusyTimeoutSeconds * 1000}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON",
                null);
            return connection;
        }
        catch (SqliteException e)
        {
            connection.Dispose();
            throw Sql.Explain(e, state.RegistryPath);
        }
    }

    private void CheckIntegrity()
    {
        using var command = Sql.Command(_writer, "PRAGMA quick_check(1)", null);
        var verdict = command.ExecuteScalar() as string;
        if (verdict != "ok")
            throw new RegistryException(RegistryFault.Damaged, $"Registry {_state.RegistryPath} is damaged: restore it from a backup ({verdict})");
    }

    private void Poll()
    {
        // A look that takes longer than the interval is not overtaken by the next one.
        if (Interlocked.Exchange(ref _polling, 1) != 0)
            return;
        try
        {
            WriteEpochNotes();
            Refresh();
            _pollProblem = FileIdentity.Of(_state.RegistryPath) == _file
                ? null
                : $"Registry {_state.RegistryPath} was replaced or removed while in use, so enrolments and revocations are no longer seen: restart iotpsk";
        }
        catch (RegistryException e)
        {
            _pollProblem = e.Message;
        }
        finally
        {
            Volatile.Write(ref _polling, 0);
        }
    }

    private void LoadDevices()
    {
        if (_devicesLoaded)
            return;
        lock (_readGate)
        {
            if (_devicesLoaded)
                return;
            ObjectDisposedException.ThrowIf(_disposed, this);
            _keepDevices = true;
            _seenDataVersion = -1;
            try
            {
                _ = Guard(ReadChanges);
                _devicesLoaded = true;
            }
            finally
            {
                _keepDevices = _devicesLoaded;
            }
        }
    }

    private T Guard<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (SqliteException e)
        {
            throw Sql.Explain(e, _state.RegistryPath);
        }
        catch (Exception e) when (e is InvalidCastException or ArgumentOutOfRangeException or OverflowException)
        {
            throw new RegistryException(RegistryFault.Damaged, $"Registry {_state.RegistryPath} is damaged: restore it from a backup ({e.Message})", e);
        }
    }
}
