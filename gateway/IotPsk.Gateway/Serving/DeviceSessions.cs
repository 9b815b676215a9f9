using System.Collections.Concurrent;

namespace IotPsk.Gateway.Serving;

/// <summary>The live sessions of each device, oldest first, where their number is limited.</summary>
internal sealed class DeviceSessions(int limit)
{
    internal int Limit => limit;

    private readonly ConcurrentDictionary<string, List<long>> _sessions = new(StringComparer.Ordinal);

    /// <summary>Adds a session, unless it is there already; returns the oldest one when it has to make room.</summary>
    internal long? Enter(long session, string deviceId)
    {
        while (true)
        {
            List<long> list = _sessions.GetOrAdd(deviceId, static _ => []);
            lock (list)
            {
                // An emptied list is on its way out of the dictionary.
                if (!_sessions.TryGetValue(deviceId, out List<long>? current) || !ReferenceEquals(current, list))
                    continue;
                if (list.Contains(session))
                    return null;
                list.Add(session);
                if (list.Count <= limit)
                    return null;
                long oldest = list[0];
                list.RemoveAt(0);
                return oldest;
            }
        }
    }

    internal void Leave(long session, string deviceId)
    {
        if (!_sessions.TryGetValue(deviceId, out List<long>? list))
            return;
        lock (list)
        {
            list.Remove(session);
            if (list.Count == 0)
                _sessions.TryRemove(new KeyValuePair<string, List<long>>(deviceId, list));
        }
    }
}
