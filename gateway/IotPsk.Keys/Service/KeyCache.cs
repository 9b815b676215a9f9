namespace IotPsk.Keys;

/// <summary>Is shown a key, which is valid during the call.</summary>
internal delegate void KeyVisitor(in KeyId id, ReadOnlySpan<byte> key);

/// <summary>
/// Keys by <see cref="KeyId"/>, in locked memory. Two areas: keys of peers that proved them (least recently used goes first when full), and a
/// small probation area for the rest (oldest goes first), so that no number of unproved peers displaces a proved one. Sixteen parts, each
/// under a lock held for the copy of a key, keep the network's threads apart.
/// </summary>
internal sealed class KeyCache : IDisposable
{
    private const int PartCount = 16;
    private readonly KeyCachePart[] _parts = new KeyCachePart[PartCount];
    private readonly LockedMemory _memory = new();

    /// <summary>An empty cache.</summary>
    /// <param name="capacity">Proved keys at most (rounded up to a multiple of 16).</param>
    /// <param name="probation">Unproved keys at most (rounded up to a multiple of 16).</param>
    internal KeyCache(int capacity, int probation)
    {
        for (var i = 0; i < PartCount; i++)
            _parts[i] = new KeyCachePart(_memory, DivideUp(capacity), DivideUp(probation));
    }

    internal int ProvedCount => _parts.Sum(static part => part.ProvedCount);

    internal int ProbationCount => _parts.Sum(static part => part.ProbationCount);

    internal long UnlockedBytes => _memory.UnlockedBytes;

    internal bool TryGet(in KeyId id, Span<byte> key, out int length) => Part(id.DeviceId).TryGet(id, key, out length);

    /// <summary>Adds an unproved key; one that is there already stays as it is.</summary>
    internal void Add(in KeyId id, ReadOnlySpan<byte> key) => Part(id.DeviceId).Add(id, key);

    /// <summary>Marks a key as proved; false when it is not there any longer.</summary>
    internal bool Promote(in KeyId id) => Part(id.DeviceId).Promote(id);

    internal bool IsProved(in KeyId id) => Part(id.DeviceId).IsProved(id);

    /// <summary>Forgets a key unless it is proved.</summary>
    internal void EvictUnproved(in KeyId id) => Part(id.DeviceId).EvictUnproved(id);

    /// <summary>Forgets every key that is not proved.</summary>
    internal void EvictUnproved()
    {
        foreach (var part in _parts)
            part.EvictUnproved();
    }

    /// <summary>Forgets every key of a device.</summary>
    internal void Evict(string deviceId) => Part(deviceId).Evict(deviceId);

    /// <summary>Forgets every key of an epoch that is not accepted.</summary>
    internal void EvictEpochs(Func<int, bool> isAccepted)
    {
        foreach (var part in _parts)
            part.EvictEpochs(isAccepted);
    }

    /// <summary>Shows every proved key, within a part the one used longest ago first.</summary>
    internal void VisitProved(KeyVisitor visit)
    {
        foreach (var part in _parts)
            part.VisitProved(visit);
    }

    public void Dispose()
    {
        foreach (var part in _parts)
            part.Dispose();
        _memory.Dispose();
    }

    private static int DivideUp(int value) => Math.Max(1, (value + PartCount - 1) / PartCount);

    private KeyCachePart Part(string deviceId) => _parts[(uint)string.GetHashCode(deviceId, StringComparison.Ordinal) % PartCount];
}
