using System.Collections.Concurrent;
using IotPsk.Gateway.Configuration;
using IotPsk.Gateway.Serving.Telemetry;
using IotPsk.Keys;
using IotPsk.Lwm2m;
using IotPsk.Lwm2m.Coap;
using IotPsk.Lwm2m.Management;
using IotPsk.Lwm2m.Registration;
using IotPsk.Shared;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving.Lwm2m;

/// <summary>
/// The LwM2M devices of all listeners and shards: their registrations, what they are asked, and what they bring. Safe from any thread.
/// </summary>
internal sealed class Lwm2mDevices : IRegistrationEvents, IDeviceEvents, IAsyncDisposable
{
    private const int RefusalInterval = 10_000;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly Lwm2mClock _clock;
    private readonly RegistrationStore _store;
    private readonly RegistrationJournal _journal;
    private readonly ITimer _timer;
    private readonly ConcurrentDictionary<Lwm2mSubscription, bool> _subscriptions = new();
    private readonly long[] _ended = new long[Enum.GetValues<RegistrationEnd>().Length];
    private long _registered, _updated, _nextRefusal;

    private Lwm2mDevices(string directory, TimeProvider time, ILogger log)
    {
        _log = log;
        _time = time;
        _clock = new Lwm2mClock(time);
        _store = new RegistrationStore(this);
        Directory = new DeviceDirectory(() => _clock.Now, new DirectoryOptions { Events = this });
        Firmware = new FirmwareUpdates(this, time, log);
        _journal = new RegistrationJournal(directory, _store.ToArray, Directory.FindExplicit, time, log);
        _timer = time.CreateTimer(static state => ((Lwm2mDevices)state!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Takes up what the last run left in the state directory.</summary>
    /// <param name="directory">The state directory.</param>
    /// <param name="registry">Whose devices they are: one that is gone or revoked has no registration any more.</param>
    /// <param name="configuration">How devices are managed.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Where events are told.</param>
    internal static Lwm2mDevices Start(string directory, IRegistry registry, Lwm2mConfiguration configuration, TimeProvider time, ILogger log)
    {
        var devices = new Lwm2mDevices(directory, time, log);
        devices.Configure(configuration);
        RegistrationLine[] lines = [.. devices._journal.Load().Where(line => registry.TryGetDevice(line.Device, out DeviceRecord? device) && !device.IsRevoked)];
        devices._store.Restore(lines.Select(line => line.ToRegistration()!));
        foreach (RegistrationLine line in lines)
            devices.Directory.Registered(line.ToRegistration()!, line.ToObservations());
        if (lines.Length > 0)
            log.RegistrationsKept(lines.Length);
        devices._journal.Start();
        devices._timer.Change(Interval, Interval);
        return devices;
    }

    /// <summary>Takes another configuration over; what is observed changes for a device when it registers or updates its objects.</summary>
    internal void Configure(Lwm2mConfiguration configuration)
    {
        Directory.Observe = [.. configuration.Observe.Select(text => ObservationRule.TryParse(text, out ObservationRule? rule) ? rule : throw new ArgumentException(text, nameof(configuration)))];
        Directory.QueueModePatience = TimeSpan.FromSeconds(configuration.QueueSeconds);
        Firmware.Directory = configuration.FirmwareDirectory is { } path ? new FirmwareDirectory(path) : null;
        Firmware.Uri = configuration.FirmwareUri;
    }

    /// <summary>Where values and events go to the broker; null: nowhere. To be set before listeners are opened.</summary>
    internal ITelemetryOutlet? Outlet { get; set; }

    /// <summary>Updates of firmware.</summary>
    internal FirmwareUpdates Firmware { get; }

    /// <summary>What devices are asked, and by which shard they are reached.</summary>
    internal DeviceDirectory Directory { get; }

    /// <summary>All registrations as they are now, in no order. Times are milliseconds since 1970.</summary>
    internal IReadOnlyList<DeviceRegistration> Registrations => _store.ToArray();

    /// <summary>How many devices are registered.</summary>
    internal int Count => _store.Count;

    /// <summary>Registrations and updates taken.</summary>
    internal (long Registered, long Updated) Taken => (Volatile.Read(ref _registered), Volatile.Read(ref _updated));

    /// <summary>Registrations that ended.</summary>
    internal long Ended(RegistrationEnd reason) => Volatile.Read(ref _ended[(int)reason]);

    /// <summary>The registration of a device, or null.</summary>
    internal DeviceRegistration? Find(string deviceId) => _store.Find(deviceId);

    /// <summary>What a device notifies of now: for each observation its path, or its paths if it is a composite one.</summary>
    internal IReadOnlyList<IReadOnlyList<ObjectPath>> Observations(string deviceId) => Directory.FindActive(deviceId);

    /// <summary>
    /// Asks a device. A device in queue mode is asked when it wakes. Never throws for what the device, the operation or <paramref name="cancellation"/> does: the
    /// answer tells.
    /// </summary>
    internal async Task<Lwm2mAnswer> AskAsync(string deviceId, Lwm2mOperation operation, CancellationToken cancellation = default)
    {
        var answer = new TaskCompletionSource<Lwm2mAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        PendingOperation pending = Directory.Ask(deviceId, operation, answer.SetResult);
        await using CancellationTokenRegistration registration = cancellation.UnsafeRegister(_ => Directory.Cancel(pending), null);
        return await answer.Task;
    }

    /// <summary>Hears what happens from now on: registrations and values. To be disposed.</summary>
    /// <param name="capacity">How many events may wait for the reader.</param>
    /// <param name="deviceId">Of one device only; null: of all.</param>
    internal Lwm2mSubscription Subscribe(int capacity = 1024, string? deviceId = null)
    {
        var subscription = new Lwm2mSubscription(capacity, deviceId, ended => _subscriptions.TryRemove(ended, out _));
        _subscriptions[subscription] = true;
        return subscription;
    }

    /// <summary>Serves devices by a server of some shard.</summary>
    internal void Map(CoapServer server, DeviceShard shard)
    {
        server.Map(RegistrationResource.Path, new RegistrationResource(_store, () => _clock.Now, shard.Attach), andBelow: true);
        server.Map(SendResource.Path, new SendResource(shard));
        server.Map(FirmwareResource.Path, new FirmwareResource(() => Firmware.Directory), andBelow: true);
    }

    /// <summary>A device was revoked.</summary>
    internal void Revoke(string deviceId) => _store.Remove(deviceId, null, _clock.Now, RegistrationEnd.Revoked);

    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync();
        Firmware.Dispose();
        Directory.Stop();
        foreach (Lwm2mSubscription subscription in _subscriptions.Keys)
            subscription.Dispose();
        await _journal.DisposeAsync();
    }

    void IRegistrationEvents.Registered(DeviceRegistration registration)
    {
        Interlocked.Increment(ref _registered);
        Directory.Registered(registration);
        _journal.Note(registration.DeviceId, registration);
        Tell(Lwm2mEventKind.Registered, registration);
        if (_log.IsEnabled(LogLevel.Debug))
            _log.Registered(registration.DeviceId, LogName.Of(registration.DeviceId), registration.Version, registration.Lifetime, registration.IsQueueMode, registration.Objects.Count);
    }

    void IRegistrationEvents.Updated(DeviceRegistration registration, DeviceRegistration before)
    {
        Interlocked.Increment(ref _updated);
        Directory.Updated(registration);
        _journal.Note(registration.DeviceId, registration);
        Tell(Lwm2mEventKind.Updated, registration);
    }

    void IRegistrationEvents.Ended(DeviceRegistration registration, RegistrationEnd reason)
    {
        Interlocked.Increment(ref _ended[(int)reason]);
        if (reason != RegistrationEnd.Replaced)
        {
            Directory.Ended(registration.DeviceId);
            _journal.Note(registration.DeviceId, null);
        }
        Tell(reason switch
        {
            RegistrationEnd.Deregistered => Lwm2mEventKind.Deregistered,
            RegistrationEnd.Replaced => Lwm2mEventKind.Replaced,
            RegistrationEnd.Expired => Lwm2mEventKind.Expired,
            _ => Lwm2mEventKind.Revoked,
        }, registration);
        if (_log.IsEnabled(LogLevel.Debug))
            _log.RegistrationEnded(registration.DeviceId, LogName.Of(registration.DeviceId), reason);
    }

    void IDeviceEvents.Received(string deviceId, ValueSource source, IReadOnlyList<SenmlRecord> records, Action<bool> taken)
    {
        DateTimeOffset now = _time.GetUtcNow();
        ValueMessages.FixTimes(records, now);
        if (!_subscriptions.IsEmpty)
            Tell(new Lwm2mEvent(now, deviceId, Lwm2mEventKind.Value, null, records));
        if (Outlet is { } outlet)
            ValueMessages.Publish(outlet, deviceId, records, taken);
        else
            taken(true);
    }

    void IDeviceEvents.Refused(string deviceId, string problem)
    {
        // A flood is told in a line every ten seconds, not in one each.
        long now = _clock.Now, next = Volatile.Read(ref _nextRefusal);
        if (now >= next && Interlocked.CompareExchange(ref _nextRefusal, now + RefusalInterval, next) == next)
            _log.ValuesRefused(LogName.Of(deviceId), LogName.Sentence(problem), Directory.Counters.Refused);
    }

    void IDeviceEvents.ObservationsChanged(string deviceId)
    {
        if (_store.Find(deviceId) is { } registration)
            _journal.Note(deviceId, registration);
    }

    private void Tell(Lwm2mEventKind kind, DeviceRegistration registration)
    {
        DateTimeOffset now = _time.GetUtcNow();
        Tell(new Lwm2mEvent(now, registration.DeviceId, kind, registration, []));
        Outlet?.Publish(registration.DeviceId + "/registration", RegistrationMessage.Write(kind, registration, now), retain: true, null);
    }

    private void Tell(Lwm2mEvent happened)
    {
        foreach ((Lwm2mSubscription subscription, _) in _subscriptions)
            subscription.Tell(happened);
    }

    private void Tick()
    {
        try
        {
            _store.Expire(_clock.Now);
            Directory.Expire();
        }
        // On a thread of the pool it would end the process.
        catch (Exception fault)
        {
            _log.Fault(fault);
        }
    }
}
