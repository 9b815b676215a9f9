namespace IotPsk.Keys;

/// <summary>
/// Who may have a TPM call for the key of a session now. Nothing tells a device from peers that merely name it until it proves its key; but
/// where it proved it last is known. So each pair of device and source prefix has a bucket, to which a proof returns its token; peers elsewhere
/// than at the device's last place share one more bucket per device. A device has one call in flight; one further, from its last place, may wait
/// for that to end. Not thread safe.
/// </summary>
internal sealed class SessionGate(KeyServiceOptions options, long ticksPerSecond)
{
    private readonly TokenBuckets<(string Device, SourcePrefix Source)> _peers = new(options.DeviceRate, options.DeviceBurst, options.BucketCapacity, ticksPerSecond);
    private readonly TokenBuckets<string> _strangers = new(options.StrangerRate, options.StrangerBurst, options.BucketCapacity, ticksPerSecond);
    private readonly Dictionary<string, SourcePrefix> _places = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TpmJob?> _underway = new(StringComparer.Ordinal);

    /// <summary>Whether a call may begin, or wait; takes nothing.</summary>
    internal KeyStatus Look(string device, SourcePrefix source, long now)
    {
        var known = IsKnown(device, source);
        if (_underway.TryGetValue(device, out var waiting) && (waiting != null || !known))
            return KeyStatus.DeviceBusy;
        return _peers.Has((device, source), now) && (known || _strangers.Has(device, now)) ? KeyStatus.Ok : KeyStatus.DeviceThrottled;
    }

    /// <summary>Takes the tokens; after <see cref="Look"/>.</summary>
    internal void Take(string device, SourcePrefix source, long now)
    {
        _peers.Take((device, source), now);
        if (!IsKnown(device, source))
            _strangers.Take(device, now);
    }

    /// <summary>Notes a call; after <see cref="Take"/>.</summary>
    /// <returns>Whether it is to be made now; else <see cref="End"/> gives it back when its turn comes.</returns>
    internal bool Begin(string device, TpmJob job)
    {
        if (_underway.TryAdd(device, null))
            return true;
        _underway[device] = job;
        return false;
    }

    /// <summary>A device's call has ended.</summary>
    /// <returns>The one to be made now; null if none waited.</returns>
    internal TpmJob? End(string device)
    {
        _underway.Remove(device, out var next);
        if (next != null)
            _underway.Add(device, null);
        return next;
    }

    /// <summary>The device itself was there: it gets its token back.</summary>
    internal void Proved(string device, SourcePrefix source, long now)
    {
        _peers.Return((device, source), now);
        if (!IsKnown(device, source))
            _strangers.Return(device, now);
        _places[device] = source;
    }

    private bool IsKnown(string device, SourcePrefix source) => _places.TryGetValue(device, out var place) && place == source;
}
