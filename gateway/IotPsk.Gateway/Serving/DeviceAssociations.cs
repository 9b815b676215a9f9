using System.Collections.Concurrent;

namespace IotPsk.Gateway.Serving;

/// <summary>The association of each device at each UDP listener: there is one, because an old one is not closed when its device is gone.</summary>
internal sealed class DeviceAssociations
{
    private readonly ConcurrentDictionary<(string Listener, string DeviceId), long> _associations = new();

    /// <summary>Notes a device's association; returns the one it takes the place of.</summary>
    internal long? Enter(string listener, string deviceId, long association)
    {
        long? before = null;
        _associations.AddOrUpdate((listener, deviceId), association, (_, old) =>
        {
            before = old;
            return association;
        });
        return before;
    }

    /// <summary>An association ended; one that took its place stays.</summary>
    internal void Leave(string listener, string deviceId, long association) =>
        _associations.TryRemove(new KeyValuePair<(string, string), long>((listener, deviceId), association));
}
