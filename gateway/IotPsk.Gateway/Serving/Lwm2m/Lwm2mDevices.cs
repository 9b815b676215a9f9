using IotPsk.Keys;
using IotPsk.Lwm2m.Coap;
using IotPsk.Lwm2m.Registration;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving.Lwm2m;

/// <summary>The LwM2M devices of all listeners and shards: their registrations, and what they are asked. Safe from any thread.</summary>
internal sealed class Lwm2mDevices : IRegistrationEvents, IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly ILogger _log;
    private readonly Lwm2mClock _clock;
    private readonly RegistrationStore _store;
    private readonly RegistrationJournal _journal;
    private readonly ITimer _timer;
    private readonly long[] _ended = new long[Enum.GetValues<RegistrationEnd>().Length];
    private long _registered, _updated;

    private Lwm2mDevices(string directory, TimeProvider time, ILogger log)
    {
        _log = log;
        _clock = new Lwm2mClock(time);
        _store = new RegistrationStore(this);
        _journal = new RegistrationJournal(directory, _store.ToArray, time, log);
        _timer = time.CreateTimer(static state => ((Lwm2mDevices)state!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Takes up what the last run left in the state directory.</summary>
    /// <param name="directory">The state directory.</param>
    /// <param name="registry">Whose devices they are: one that is gone or revoked has no registration any more.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Where events are told.</param>
    internal static Lwm2mDevices Start(string directory, IRegistry registry, TimeProvider time, ILogger log)
    {
        var devices = new Lwm2mDevices(directory, time, log);
        devices._store.Restore(devices._journal.Load().Where(r => registry.TryGetDevice(r.DeviceId, out DeviceRecord? device) && !device.IsRevoked));
        if (devices._store.Count > 0)
            log.RegistrationsKept(devices._store.Count);
        devices._journal.Start();
        devices._timer.Change(Interval, Interval);
        return devices;
    }

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

    /// <summary>Serves registrations by a server of some shard.</summary>
    internal void Map(CoapServer server) => server.Map(RegistrationResource.Path, new RegistrationResource(_store, () => _clock.Now), andBelow: true);

    /// <summary>A device was revoked.</summary>
    internal void Revoke(string deviceId) => _store.Remove(deviceId, null, _clock.Now, RegistrationEnd.Revoked);

    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync();
        await _journal.DisposeAsync();
    }

    void IRegistrationEvents.Registered(DeviceRegistration registration)
    {
        Interlocked.Increment(ref _registered);
        _journal.Note(registration.DeviceId, registration);
        if (_log.IsEnabled(LogLevel.Debug))
            _log.Registered(registration.DeviceId, LogName.Of(registration.DeviceId), registration.Version, registration.Lifetime, registration.IsQueueMode, registration.Objects.Count);
    }

    void IRegistrationEvents.Updated(DeviceRegistration registration, DeviceRegistration before)
    {
        Interlocked.Increment(ref _updated);
        _journal.Note(registration.DeviceId, registration);
    }

    void IRegistrationEvents.Ended(DeviceRegistration registration, RegistrationEnd reason)
    {
        Interlocked.Increment(ref _ended[(int)reason]);
        if (reason != RegistrationEnd.Replaced)
            _journal.Note(registration.DeviceId, null);
        if (_log.IsEnabled(LogLevel.Debug))
            _log.RegistrationEnded(registration.DeviceId, LogName.Of(registration.DeviceId), reason);
    }

    private void Tick() => _store.Expire(_clock.Now);
}
