using System.Collections.Concurrent;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace IotPsk.Keys;

/// <summary>
/// A registry in a database: every statement that its back ends have in common, and the devices in memory, where lookups are answered without a
/// lock. What a transaction changed, here or elsewhere, is read back like anybody else's change.
/// </summary>
internal abstract partial class SqlRegistry : IRegistry, IFleetStore, ITicketKeyStore, IRollbackStore
{
    /// <summary>How often changes of other processes are looked for.</summary>
    public static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);

    private readonly TimeProvider _time;
    private readonly string _node;
    private readonly Lock _readGate = new();
    private readonly ConcurrentDictionary<string, DeviceRecord> _devices = new(StringComparer.Ordinal);
    private ChangeMark? _seen;
    private volatile FleetRecord? _fleet;
    private volatile bool _devicesLoaded;
    private bool _keepDevices;
    private volatile string? _pollProblem;
    private ITimer? _poll;
    private int _polling;
    private volatile bool _disposed;

    /// <summary>A registry whose back end is open.</summary>
    /// <param name="state">This gateway's own files.</param>
    /// <param name="node">Which of the fleet's gateways this is.</param>
    /// <param name="time">The clock.</param>
    private protected SqlRegistry(StateDirectory state, string node, TimeProvider time) => (State, _node, _time) = (state, node, time);

    /// <inheritdoc/>
    public event Action<DeviceRecord>? DeviceChanged;

    /// <inheritdoc/>
    public event Action<FleetRecord>? FleetChanged;

    /// <inheritdoc/>
    public event Action? TicketKeysChanged;

    /// <inheritdoc/>
    public event Action<string?>? PollProblemChanged;

    /// <inheritdoc/>
    public StateDirectory State { get; }

    /// <inheritdoc/>
    public abstract string Location { get; }

    /// <inheritdoc/>
    public abstract bool IsShared { get; }

    /// <inheritdoc/>
    public IFleetStore Fleets => this;

    /// <inheritdoc/>
    public ITicketKeyStore TicketKeys => this;

    /// <inheritdoc/>
    public IRollbackStore Rollback => this;

    /// <inheritdoc/>
    public FleetRecord? Fleet => _fleet;

    /// <inheritdoc/>
    public string? PollProblem => _pollProblem;

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

    /// <summary>The registry in messages: "Registry NAME is damaged".</summary>
    private protected abstract string Name { get; }

    /// <summary>Whether the registry is closed.</summary>
    private protected bool IsDisposed => _disposed;

    private protected TimeProvider Clock => _time;

    /// <summary>Which of the fleet's gateways this is.</summary>
    private protected string Node => _node;

    /// <inheritdoc/>
    public abstract void CopyTo(string path);

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
            if (_disposed || _poll != null)
                return;
            _poll = _time.CreateTimer(static registry => ((SqlRegistry)registry!).Poll(), this, PollInterval, PollInterval);
        }

        OnWatch();
    }

    /// <inheritdoc/>
    public void Refresh()
    {
        Changes changes;
        lock (_readGate)
        {
            if (_disposed)
                return;
            changes = Guard(ReadChanges);
        }

        if (changes.Fleet != null)
            FleetChanged?.Invoke(changes.Fleet);
        if (changes.TicketKeys)
            TicketKeysChanged?.Invoke();
        if (DeviceChanged is not { } changed)
            return;
        foreach (var device in changes.Devices)
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
            CloseReading();
        }

        CloseWriting();
    }

    /// <summary>Changes are to be looked for from now on.</summary>
    private protected virtual void OnWatch()
    {
    }

    /// <summary>Reads, on any state that was committed. Under the read lock.</summary>
    private protected abstract T Read<T>(Func<SqlSession, T> work);

    /// <summary>
    /// Reads one committed state as a whole, unless nothing was committed since <paramref name="seen"/>: then the default. Under the read lock.
    /// </summary>
    private protected abstract T? ReadIfChanged<T>(ChangeMark? seen, Func<SqlSession, T> work) where T : class;

    /// <summary>Writes alone among all writers: all of it or nothing, on disk when it returns.</summary>
    private protected abstract T WriteAlone<T>(Func<SqlSession, T> work);

    /// <summary>The back end's failure in our words.</summary>
    private protected abstract RegistryException Explain(DbException e);

    /// <summary>Under the read lock, the last there is.</summary>
    private protected abstract void CloseReading();

    private protected abstract void CloseWriting();

    /// <summary>What is wrong beside a failed look for changes; null when nothing is.</summary>
    private protected virtual string? CheckHealth() => null;

    /// <summary>Whether to look now: a back end that is away may be asked less often.</summary>
    private protected virtual bool IsTimeToPoll => true;

    /// <summary>A look for changes ended.</summary>
    private protected virtual void OnPolled(bool succeeded)
    {
    }

    private protected T Guard<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (DbException e)
        {
            throw Explain(e);
        }
        catch (Exception e) when (e is InvalidCastException or ArgumentOutOfRangeException or OverflowException or FormatException)
        {
            throw new RegistryException(RegistryFault.Damaged, $"Registry {Name} is damaged: restore it from a backup ({e.Message})", e);
        }
    }

    /// <summary>Looks for changes now, on whatever thread, unless that is being done.</summary>
    private protected void Poll()
    {
        // A look that takes longer than the interval is not overtaken by the next one.
        if (!IsTimeToPoll || Interlocked.Exchange(ref _polling, 1) != 0)
            return;
        try
        {
            WriteEpochNotes();
            Refresh();
            SetProblem(CheckHealth());
            OnPolled(succeeded: true);
        }
        catch (KeysException e)
        {
            SetProblem(e.Message);
            OnPolled(succeeded: false);
        }
        finally
        {
            Volatile.Write(ref _polling, 0);
        }
    }

    private void SetProblem(string? problem)
    {
        var before = _pollProblem;
        _pollProblem = problem;
        if ((problem == null) != (before == null))
            PollProblemChanged?.Invoke(problem);
    }

    private protected T ReadNow<T>(Func<SqlSession, T> work)
    {
        lock (_readGate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return Guard(() => Read(work));
        }
    }

    private protected T Write<T>(Func<SqlSession, T> work)
    {
        var result = Guard(() => WriteAlone(work));
        Refresh();
        return result;
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
            _seen = null;
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
}
