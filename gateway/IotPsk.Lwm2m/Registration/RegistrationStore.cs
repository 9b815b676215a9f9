using System.Security.Cryptography;

namespace IotPsk.Lwm2m.Registration;

/// <summary>
/// The registrations of all devices, one for each. A device may come by another association, and so on another thread, than
/// before: all calls may come from any thread.
/// </summary>
public sealed class RegistrationStore
{
    private readonly Dictionary<string, DeviceRegistration> _byDevice = new(StringComparer.Ordinal);
    private readonly PriorityQueue<DeviceRegistration, long> _ends = new();
    private readonly Lock _gate = new();
    private readonly IRegistrationEvents? _events;

    /// <summary>An empty store.</summary>
    /// <param name="events">Hears what happens; null for nobody.</param>
    public RegistrationStore(IRegistrationEvents? events = null) => _events = events;

    /// <summary>How many devices are registered.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _byDevice.Count;
        }
    }

    /// <summary>When <see cref="Expire"/> has something to do, in milliseconds of the server's clock; <see cref="long.MaxValue"/> for never.</summary>
    public long Deadline
    {
        get
        {
            lock (_gate)
                return NextEnd();
        }
    }

    /// <summary>Finds the registration of a device.</summary>
    /// <param name="deviceId">The device.</param>
    /// <returns>The registration, or null.</returns>
    public DeviceRegistration? Find(string deviceId)
    {
        lock (_gate)
            return _byDevice.GetValueOrDefault(deviceId);
    }

    /// <summary>All registrations as they are now, in no order.</summary>
    /// <returns>A copy of the list.</returns>
    public DeviceRegistration[] ToArray()
    {
        lock (_gate)
            return [.. _byDevice.Values];
    }

    /// <summary>A location that no registration has had.</summary>
    /// <returns>16 hexadecimal digits.</returns>
    public static string NewLocation() => RandomNumberGenerator.GetHexString(16, lowercase: true);

    /// <summary>Takes registrations of an earlier run, before any other call; nobody hears of it. What ended meanwhile does so at the next <see cref="Expire"/>.</summary>
    /// <param name="registrations">One for each device.</param>
    public void Restore(IEnumerable<DeviceRegistration> registrations)
    {
        ArgumentNullException.ThrowIfNull(registrations);
        lock (_gate)
        {
            foreach (DeviceRegistration registration in registrations)
                Keep(registration);
        }
    }

    /// <summary>Takes a registration; one that the device had is replaced (OMA LwM2M 1.1 s6.2.1).</summary>
    /// <param name="registration">The registration.</param>
    public void Register(DeviceRegistration registration)
    {
        ArgumentNullException.ThrowIfNull(registration);
        lock (_gate)
        {
            if (_byDevice.TryGetValue(registration.DeviceId, out DeviceRegistration? before))
                _events?.Ended(before, RegistrationEnd.Replaced);
            Keep(registration);
            _events?.Registered(registration);
        }
    }

    /// <summary>Changes a registration.</summary>
    /// <param name="deviceId">The device.</param>
    /// <param name="location">Where it says it is registered.</param>
    /// <param name="now">The time, in milliseconds of the server's clock.</param>
    /// <param name="change">Makes the new registration of the old one; called under the store's lock.</param>
    /// <returns>False if the device has no registration there, or no longer.</returns>
    public bool Update(string deviceId, string location, long now, Func<DeviceRegistration, DeviceRegistration> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        lock (_gate)
        {
            if (!IsThere(deviceId, location, now, out DeviceRegistration? before))
                return false;
            DeviceRegistration after = change(before) with { UpdatedAt = now };
            Keep(after);
            _events?.Updated(after, before);
            return true;
        }
    }

    /// <summary>Ends a registration.</summary>
    /// <param name="deviceId">The device.</param>
    /// <param name="location">Where it says it is registered; null for wherever.</param>
    /// <param name="now">The time, in milliseconds of the server's clock.</param>
    /// <param name="end">Why.</param>
    /// <returns>False if the device has no registration there, or no longer.</returns>
    public bool Remove(string deviceId, string? location, long now, RegistrationEnd end)
    {
        lock (_gate)
        {
            if (!IsThere(deviceId, location, now, out DeviceRegistration? registration))
                return false;
            _byDevice.Remove(deviceId);
            _events?.Ended(registration, end);
            return true;
        }
    }

    /// <summary>Ends the registrations whose lifetime has passed.</summary>
    /// <param name="now">The time, in milliseconds of the server's clock.</param>
    public void Expire(long now)
    {
        lock (_gate)
        {
            while (NextEnd() <= now)
            {
                DeviceRegistration registration = _ends.Dequeue();
                _byDevice.Remove(registration.DeviceId);
                _events?.Ended(registration, RegistrationEnd.Expired);
            }
        }
    }

    private bool IsThere(string deviceId, string? location, long now, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out DeviceRegistration? registration) =>
        _byDevice.TryGetValue(deviceId, out registration) && (location is null || registration.Location == location) && now < registration.ExpiresAt;

    private void Keep(DeviceRegistration registration)
    {
        _byDevice[registration.DeviceId] = registration;
        if (registration.ExpiresAt != long.MaxValue)
            _ends.Enqueue(registration, registration.ExpiresAt);
        // Of a device that updates often, many ends lie in the queue that mean nothing any more.
        if (_ends.Count > (2 * _byDevice.Count) + 64)
            Rebuild();
    }

    private void Rebuild()
    {
        _ends.Clear();
        _ends.EnqueueRange(_byDevice.Values.Where(r => r.ExpiresAt != long.MaxValue).Select(r => (r, r.ExpiresAt)));
    }

    private long NextEnd()
    {
        while (_ends.TryPeek(out DeviceRegistration? registration, out long end))
        {
            if (_byDevice.TryGetValue(registration.DeviceId, out DeviceRegistration? present) && ReferenceEquals(present, registration))
                return end;
            _ends.Dequeue();
        }
        return long.MaxValue;
    }
}
