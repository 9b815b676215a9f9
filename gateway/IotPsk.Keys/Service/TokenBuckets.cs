using System.Runtime.InteropServices;

namespace IotPsk.Keys;

/// <summary>
/// A token bucket for each key that was seen lately. Buckets that are full again are forgotten; when too many are in use, further keys
/// share one. Not thread safe.
/// </summary>
internal sealed class TokenBuckets<TKey>
    where TKey : notnull
{
    private readonly Dictionary<TKey, Bucket> _buckets = [];
    private readonly double _perTick;
    private readonly double _burst;
    private readonly int _capacity;
    private Bucket _shared;
    private long _sweptAt = long.MinValue;

    /// <summary>No bucket yet.</summary>
    /// <param name="perSecond">Tokens a bucket gains per second.</param>
    /// <param name="burst">Tokens it holds at most, and at first.</param>
    /// <param name="capacity">Buckets at most.</param>
    /// <param name="ticksPerSecond">Frequency of the timestamps.</param>
    internal TokenBuckets(double perSecond, double burst, int capacity, long ticksPerSecond)
    {
        _perTick = perSecond / ticksPerSecond;
        _burst = burst;
        _capacity = capacity;
        _shared = new Bucket { Tokens = burst, At = long.MinValue };
    }

    internal int Count => _buckets.Count;

    /// <summary>Whether a token could be taken now.</summary>
    internal bool Has(TKey key, long now) => Level(key, now) >= 1;

    /// <summary>Takes a token; to be called after <see cref="Has"/>.</summary>
    internal void Take(TKey key, long now)
    {
        ref var bucket = ref CollectionsMarshal.GetValueRefOrNullRef(_buckets, key);
        if (System.Runtime.CompilerServices.Unsafe.IsNullRef(ref bucket))
        {
            if (_buckets.Count >= _capacity)
                Sweep(now);
            if (_buckets.Count >= _capacity)
            {
                Spend(ref _shared, now);
                return;
            }

            _buckets[key] = new Bucket { Tokens = _burst - 1, At = now };
            return;
        }

        Spend(ref bucket, now);
    }

    /// <summary>Gives a token back that was taken.</summary>
    internal void Return(TKey key, long now)
    {
        ref var bucket = ref CollectionsMarshal.GetValueRefOrNullRef(_buckets, key);
        if (!System.Runtime.CompilerServices.Unsafe.IsNullRef(ref bucket))
            bucket = new Bucket { Tokens = Math.Min(_burst, Level(bucket, now) + 1), At = now };
    }

    private double Level(TKey key, long now)
    {
        if (_buckets.TryGetValue(key, out var bucket))
            return Level(bucket, now);
        if (_buckets.Count >= _capacity)
            Sweep(now);
        return _buckets.Count >= _capacity ? Level(_shared, now) : _burst;
    }

    private double Level(in Bucket bucket, long now) =>
        bucket.At == long.MinValue ? _burst : Math.Min(_burst, bucket.Tokens + ((now - bucket.At) * _perTick));

    private void Spend(ref Bucket bucket, long now)
    {
        bucket.Tokens = Level(bucket, now) - 1;
        bucket.At = now;
    }

    /// <summary>At most once per second's worth of a token: a sweep costs as much as there are buckets.</summary>
    private void Sweep(long now)
    {
        if (_sweptAt != long.MinValue && (now - _sweptAt) * _perTick < 1)
            return;
        _sweptAt = now;
        foreach (var (key, bucket) in _buckets)
        {
            if (Level(bucket, now) >= _burst)
                _buckets.Remove(key);
        }
    }

    private struct Bucket
    {
        internal double Tokens;
        internal long At;
    }
}
