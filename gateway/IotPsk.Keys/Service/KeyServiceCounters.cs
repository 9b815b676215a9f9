namespace IotPsk.Keys;

/// <summary>What the key service has done since it started. Plain numbers; read from any thread.</summary>
public sealed class KeyServiceCounters
{
    private readonly long[] _results = new long[Enum.GetValues<KeyStatus>().Length];
    private long _hits;
    private long _misses;
    private long _coalesced;
    private long _promotedTooLate;

    /// <summary>Keys found in the cache.</summary>
    public long Hits => Volatile.Read(ref _hits);

    /// <summary>Requests that found no key in the cache.</summary>
    public long Misses => Volatile.Read(ref _misses);

    /// <summary>Requests that waited for a derivation another one had begun.</summary>
    public long Coalesced => Volatile.Read(ref _coalesced);

    /// <summary>Keys that were displaced from probation before their peer proved them.</summary>
    public long PromotedTooLate => Volatile.Read(ref _promotedTooLate);

    /// <summary>Requests that ended this way, cached keys apart.</summary>
    public long this[KeyStatus status] => Volatile.Read(ref _results[(int)status]);

    internal void CountHit() => Interlocked.Increment(ref _hits);

    internal void CountMiss() => Interlocked.Increment(ref _misses);

    internal void CountCoalesced() => Interlocked.Increment(ref _coalesced);

    internal void CountPromotionTooLate() => Interlocked.Increment(ref _promotedTooLate);

    internal void CountResult(KeyStatus status, int requests = 1) => Interlocked.Add(ref _results[(int)status], requests);
}
