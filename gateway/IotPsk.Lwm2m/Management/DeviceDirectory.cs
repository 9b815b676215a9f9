using IotPsk.Lwm2m.Registration;

namespace IotPsk.Lwm2m.Management;

/// <summary>
/// The registered devices of all shards, and what they are asked. Operations wait in line here, in bounded number, and are taken by the shard that a device's
/// association is on; a device that comes by another association takes its line along. All calls may come from any thread.
/// </summary>
public sealed class DeviceDirectory
{
    /// <summary>Messages with values that a device may bring in a row; after that <see cref="PerSecond"/>.</summary>
    internal const int Burst = 200;

    internal const int PerSecond = 20;

    /// <summary>Of a longer message each further part of this size counts as another.</summary>
    internal const int BytesOfOne = 512;

    private const int DeadlinesKept = 1024;

    private readonly Dictionary<string, ManagedDevice> _devices = new(StringComparer.Ordinal);
    private readonly PriorityQueue<PendingOperation, long> _deadlines = new();
    private readonly Lock _gate = new();
    private readonly DirectoryOptions _options;
    private readonly Func<long> _clock;
    private int _open;
    private long _openBytes;

    /// <summary>A directory without devices.</summary>
    /// <param name="clock">Milliseconds of any monotonic clock, the same on all threads.</param>
    /// <param name="options">How devices are managed; null for the defaults.</param>
    public DeviceDirectory(Func<long> clock, DirectoryOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(clock);
        _clock = clock;
        _options = options ?? new DirectoryOptions();
        Observe = _options.Observe;
        QueueModePatience = TimeSpan.FromMilliseconds(_options.QueueModePatience);
    }

    /// <summary>What is observed of each device that registers from now on.</summary>
    public IReadOnlyList<ObservationRule> Observe { get; set; }

    /// <summary>How long operations wait for a device in queue mode, if they do not say.</summary>
    public TimeSpan QueueModePatience { get; set; }

    /// <summary>What was counted.</summary>
    public DirectoryCounters Counters { get; } = new();

    /// <summary>Operations that have not ended.</summary>
    public int Open => Volatile.Read(ref _open);

    internal long Now => _clock();

    /// <summary>How many times are kept at which an operation may end.</summary>
    internal int Deadlines
    {
        get
        {
            lock (_gate)
                return _deadlines.Count;
        }
    }

    internal int MaxBody => _options.MaxBody;

    internal int AwakeFor => _options.AwakeFor;

    internal IDeviceEvents? Events => _options.Events;

    /// <summary>A device registered, or its registration of an earlier run goes on.</summary>
    /// <param name="registration">Its registration.</param>
    /// <param name="observe">What was observed of it by request, as <see cref="FindExplicit"/> told; null for nothing new.</param>
    public void Registered(DeviceRegistration registration, IEnumerable<IReadOnlyList<ObjectPath>>? observe = null)
    {
        ArgumentNullException.ThrowIfNull(registration);
        ManagedDevice? device;
        lock (_gate)
        {
            if (!_devices.TryGetValue(registration.DeviceId, out device))
                _devices.Add(registration.DeviceId, device = new ManagedDevice(registration));
        }
        lock (device)
        {
            device.Registration = registration;
            foreach (IReadOnlyList<ObjectPath> paths in observe ?? [])
                device.Observations.Add(new Observation(paths[0], paths.Count > 1 ? [.. paths] : null, isExplicit: true));
            device.SetObservations(Configured(registration), anew: true);
        }
    }

    /// <summary>A device sent an update.</summary>
    /// <param name="registration">Its registration.</param>
    public void Updated(DeviceRegistration registration)
    {
        ArgumentNullException.ThrowIfNull(registration);
        if (Find(registration.DeviceId) is not { } device)
            return;
        lock (device)
        {
            bool isChanged = !ReferenceEquals(device.Registration.Objects, registration.Objects);
            device.Registration = registration;
            if (isChanged)
                device.SetObservations(Configured(registration), anew: false);
            device.RenewDoubtful();
        }
    }

    /// <summary>A registration ended, and no other took its place: nothing waits for the device any more.</summary>
    /// <param name="deviceId">The device.</param>
    public void Ended(string deviceId)
    {
        ManagedDevice? device;
        lock (_gate)
        {
            if (!_devices.Remove(deviceId, out device))
                return;
        }
        List<PendingOperation> waiting;
        lock (device)
        {
            device.IsGone = true;
            waiting = device.TakeAll();
            if (device.Run?.Pending is { } running)
                waiting.Add(running);
        }
        foreach (PendingOperation operation in waiting)
            End(operation, Lwm2mFailure.NotRegistered, "The device's registration ended.");
        Wake(device);
    }

    /// <summary>Asks a device.</summary>
    /// <param name="deviceId">Which.</param>
    /// <param name="operation">What.</param>
    /// <param name="done">Hears how it ended, once, on any thread, maybe before this returns; it must not block.</param>
    /// <returns>The operation, which may be over already.</returns>
    public PendingOperation Ask(string deviceId, Lwm2mOperation operation, Action<Lwm2mAnswer> done)
    {
        ArgumentNullException.ThrowIfNull(operation);
        ArgumentNullException.ThrowIfNull(done);
        ManagedDevice? device = Find(deviceId);
        bool sleeps = device?.Registration.IsQueueMode == true;
        long patience = (long?)operation.Timeout?.TotalMilliseconds ?? (sleeps ? (long)QueueModePatience.TotalMilliseconds : _options.Patience);
        var pending = new PendingOperation(operation, Now, patience, done) { Device = device };
        if (OperationCheck.Find(operation) is { } problem)
            return Refuse(pending, Lwm2mFailure.Invalid, problem);
        if (device is null)
            return Refuse(pending, Lwm2mFailure.NotRegistered, "The device is not registered.");
        long size = SizeOf(operation);
        bool fits = Interlocked.Increment(ref _open) <= _options.QueuedInAll & Interlocked.Add(ref _openBytes, size) <= _options.QueuedBytes;
        pending.Ended = () =>
        {
            Interlocked.Decrement(ref _open);
            Interlocked.Add(ref _openBytes, -size);
        };
        if (!fits)
            return Refuse(pending, Lwm2mFailure.QueueFull, "Too much waits for devices already.");
        Lwm2mFailure failure;
        lock (device)
        {
            if (device.Waiting >= _options.QueuedPerDevice)
                device.Purge();
            failure = device.IsGone ? Lwm2mFailure.NotRegistered : device.Waiting >= _options.QueuedPerDevice ? Lwm2mFailure.QueueFull : Lwm2mFailure.None;
            if (failure == Lwm2mFailure.None)
                device.Enqueue(pending);
        }
        if (failure != Lwm2mFailure.None)
            return Refuse(pending, failure, failure == Lwm2mFailure.QueueFull ? "Too much waits for the device already." : "The device is not registered.");
        lock (_gate)
        {
            _deadlines.Enqueue(pending, pending.Deadline);
            // Those that ended long before their time would lie here until then.
            if (_deadlines.Count > (2 * Open) + DeadlinesKept)
            {
                (PendingOperation, long)[] open = [.. _deadlines.UnorderedItems.Where(item => !item.Element.IsOver)];
                _deadlines.Clear();
                _deadlines.EnqueueRange(open);
            }
        }
        Wake(device);
        return pending;
    }

    /// <summary>Ends an operation that nobody wants any more; what the device did of it stays done.</summary>
    /// <param name="operation">The operation.</param>
    public void Cancel(PendingOperation operation)
    {
        ArgumentNullException.ThrowIfNull(operation);
        End(operation, Lwm2mFailure.Cancelled, "Nobody waits for the answer any more.");
        if (operation.Device is { } device)
            Leave(device);
    }

    /// <summary>Ends operations whose time is over. To be called about once a second.</summary>
    public void Expire()
    {
        long now = Now;
        while (true)
        {
            PendingOperation? operation;
            lock (_gate)
            {
                if (!_deadlines.TryPeek(out operation, out long deadline) || deadline > now)
                    return;
                _deadlines.Dequeue();
                if (!operation.IsOver && operation.Deadline > now)
                {
                    _deadlines.Enqueue(operation, operation.Deadline);
                    continue;
                }
            }
            if (End(operation, Lwm2mFailure.TimedOut, "The device did not answer in time."))
                Leave(operation.Device!);
        }
    }

    // What is over takes no room in the line, and gives way if it was under way.
    private static void Leave(ManagedDevice device)
    {
        lock (device)
            device.Purge();
        Wake(device);
    }

    /// <summary>Ends everything that is open: the gateway stops.</summary>
    public void Stop()
    {
        List<PendingOperation> open;
        lock (_gate)
        {
            open = [.. _deadlines.UnorderedItems.Select(item => item.Element)];
            _deadlines.Clear();
        }
        foreach (PendingOperation operation in open)
            End(operation, Lwm2mFailure.Cancelled, "The gateway stops.");
    }

    /// <summary>What is observed of a device by request, beside the configuration.</summary>
    /// <param name="deviceId">The device.</param>
    /// <returns>For each observation its path, or its paths if it is a composite one.</returns>
    public IReadOnlyList<IReadOnlyList<ObjectPath>> FindExplicit(string deviceId) => Select(deviceId, o => o.IsExplicit);

    /// <summary>What a device notifies of now.</summary>
    /// <param name="deviceId">The device.</param>
    /// <returns>As <see cref="FindExplicit"/>.</returns>
    public IReadOnlyList<IReadOnlyList<ObjectPath>> FindActive(string deviceId) => Select(deviceId, o => o.State == ObservationState.Active);

    /// <summary>How many operations wait for a device.</summary>
    /// <param name="deviceId">The device.</param>
    /// <returns>Their number.</returns>
    public int CountWaiting(string deviceId)
    {
        if (Find(deviceId) is not { } device)
            return 0;
        lock (device)
            return device.Waiting;
    }

    internal ManagedDevice? Find(string deviceId)
    {
        lock (_gate)
            return _devices.GetValueOrDefault(deviceId);
    }

    /// <summary>Adds an observation somebody asked for, or finds the one there is; null if there are too many.</summary>
    internal Observation? AddExplicit(ManagedDevice device, IReadOnlyList<ObjectPath> paths)
    {
        lock (device)
        {
            Observation? there = device.Observations.Find(o => o.Is(paths));
            if (there is null && device.Observations.Count < _options.ObservationsPerDevice)
                device.Observations.Add(there = new Observation(paths[0], paths.Count > 1 ? [.. paths] : null, isExplicit: true));
            if (there is not null)
            {
                there.IsExplicit = true;
                there.State = ObservationState.Asked;
            }
            return there;
        }
    }

    internal bool End(PendingOperation operation, Lwm2mFailure failure, string reason)
    {
        bool ended = operation.TryEnd(Lwm2mAnswer.Failed(failure, reason));
        if (ended)
            Counters.Count(failure);
        return ended;
    }

    internal static void Wake(ManagedDevice device)
    {
        DeviceShard? shard;
        Coap.CoapPeer? peer;
        lock (device)
            (shard, peer) = device.Run is { Peer: not null } run ? (run.Shard, run.Peer) : (device.Shard, device.Peer);
        if (peer is not null)
            shard!.Wake(peer);
    }

    private static long SizeOf(Lwm2mOperation operation) =>
        (operation.Payload?.Length ?? 0) + (2 * (operation.Text?.Length ?? 0)) + operation.Records.Sum(r => 200 + (2L * (r.Text?.Length ?? 0)) + (r.Data?.Length ?? 0));

    private PendingOperation Refuse(PendingOperation operation, Lwm2mFailure failure, string reason)
    {
        End(operation, failure, reason);
        return operation;
    }

    private List<ObjectPath> Configured(DeviceRegistration registration) =>
        [.. Observe.SelectMany(rule => rule.Apply(registration.Objects)).Distinct().Take(_options.ObservationsPerDevice)];

    private IReadOnlyList<IReadOnlyList<ObjectPath>> Select(string deviceId, Func<Observation, bool> which)
    {
        if (Find(deviceId) is not { } device)
            return [];
        lock (device)
            return [.. device.Observations.Where(which).Select(o => (IReadOnlyList<ObjectPath>)(o.Composite ?? [o.Path]))];
    }
}
