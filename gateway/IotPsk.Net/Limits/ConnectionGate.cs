using System.Net;
using System.Security.Cryptography;

namespace IotPsk.Net.Limits;

/// <summary>
/// Counts connections and half-open handshakes over all loops, in total and per source prefix. The prefix table is cut
/// into stripes so that loops seldom meet on a lock, and holds only prefixes that have something half open.
/// </summary>
internal sealed class ConnectionGate
{
    private const int Stripes = 16;

    // The only prefix whose product is 0 is that of ::, which nobody can send from.
    private const ulong Exempt = 0;
    private readonly CurrentLimits _limits;
    private readonly bool _limitsConnections;
    private readonly Dictionary<ulong, int>[] _prefixes = new Dictionary<ulong, int>[Stripes];
    // A peer that chooses its addresses must not choose the buckets they fall into; odd, so that the product is unique.
    private readonly ulong _mixer = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))) | 1;
    private int _connections;
    private int _halfOpen;

    /// <param name="limits">They may change at any time.</param>
    /// <param name="limitsConnections">False: <see cref="NetLimits.Connections"/> is of no concern here.</param>
    internal ConnectionGate(CurrentLimits limits, bool limitsConnections = true)
    {
        _limits = limits;
        _limitsConnections = limitsConnections;
        for (var i = 0; i < Stripes; i++) _prefixes[i] = [];
    }

    internal int Connections => Volatile.Read(ref _connections);

    internal int HalfOpen => Volatile.Read(ref _halfOpen);

    /// <summary>Admits a new connection, half open; null, or why not.</summary>
    internal RefusalReason? Enter(IPAddress source) => Enter(KeyOf(source));

    /// <summary>The same by the number that <see cref="KeyOf(IPAddress)"/> gives.</summary>
    internal RefusalReason? Enter(ulong key)
    {
        var limits = _limits.Value;
        if (!TryTake(ref _connections, _limitsConnections ? limits.Connections : 0)) return RefusalReason.TooManyConnections;
        if (!TryTake(ref _halfOpen, limits.HalfOpen))
        {
            Interlocked.Decrement(ref _connections);
            return RefusalReason.TooManyHalfOpen;
        }
        if (TryTakePrefix(key, limits.HalfOpenPerPrefix)) return null;
        Interlocked.Decrement(ref _halfOpen);
        Interlocked.Decrement(ref _connections);
        return RefusalReason.TooManyHalfOpenOfPrefix;
    }

    /// <summary>The handshake of an admitted connection is over.</summary>
    internal void Established(IPAddress source) => Established(KeyOf(source));

    /// <summary>The same by the number that <see cref="KeyOf(IPAddress)"/> gives.</summary>
    internal void Established(ulong key)
    {
        Interlocked.Decrement(ref _halfOpen);
        if (key == Exempt) return;
        var prefixes = _prefixes[key >> 60];
        lock (prefixes)
        {
            var count = prefixes[key];
            if (count == 1) prefixes.Remove(key);
            else prefixes[key] = count - 1;
        }
    }

    /// <summary>A connection of an earlier run goes on.</summary>
    internal void Restored() => Interlocked.Increment(ref _connections);

    /// <summary>An established connection is gone.</summary>
    internal void Left() => Interlocked.Decrement(ref _connections);

    /// <summary>What a source's half-open handshakes are counted under.</summary>
    internal ulong KeyOf(IPAddress source) => KeyOf(SourcePrefix.Of(source), IPAddress.IsLoopback(source));

    /// <summary>The same of a prefix already found.</summary>
    // Counted without a limit too: there may be one by the time the handshake is over.
    internal ulong KeyOf(ulong prefix, bool isLoopback) => _limits.Value.ExemptLoopback && isLoopback ? Exempt : prefix * _mixer;

    private bool TryTakePrefix(ulong key, int limit)
    {
        if (key == Exempt) return true;
        var prefixes = _prefixes[key >> 60];
        lock (prefixes)
        {
            var count = prefixes.GetValueOrDefault(key);
            if (count >= limit && limit > 0) return false;
            prefixes[key] = count + 1;
            return true;
        }
    }

    private static bool TryTake(ref int count, int limit)
    {
        if (Interlocked.Increment(ref count) <= limit || limit == 0) return true;
        Interlocked.Decrement(ref count);
        return false;
    }
}
