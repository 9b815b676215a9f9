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
    private readonly NetLimits _limits;
    private readonly Dictionary<ulong, int>[] _prefixes = new Dictionary<ulong, int>[Stripes];
    // A peer that chooses its addresses must not choose the buckets they fall into; odd, so that the product is unique.
    private readonly ulong _mixer = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))) | 1;
    private int _connections;
    private int _halfOpen;

    internal ConnectionGate(NetLimits limits)
    {
        _limits = limits;
        for (var i = 0; i < Stripes; i++) _prefixes[i] = [];
    }

    internal int Connections => Volatile.Read(ref _connections);

    internal int HalfOpen => Volatile.Read(ref _halfOpen);

    /// <summary>Admits a new connection, half open; null, or why not.</summary>
    internal RefusalReason? Enter(IPAddress source)
    {
        if (!TryTake(ref _connections, _limits.Connections)) return RefusalReason.TooManyConnections;
        if (!TryTake(ref _halfOpen, _limits.HalfOpen))
        {
            Interlocked.Decrement(ref _connections);
            return RefusalReason.TooManyHalfOpen;
        }
        if (TryTakePrefix(source)) return null;
        Interlocked.Decrement(ref _halfOpen);
        Interlocked.Decrement(ref _connections);
        return RefusalReason.TooManyHalfOpenOfPrefix;
    }

    /// <summary>The handshake of an admitted connection is over.</summary>
    internal void Established(IPAddress source)
    {
        Interlocked.Decrement(ref _halfOpen);
        if (!HasPrefixLimit(source)) return;
        var key = SourcePrefix.Of(source) * _mixer;
        var prefixes = _prefixes[key >> 60];
        lock (prefixes)
        {
            var count = prefixes[key];
            if (count == 1) prefixes.Remove(key);
            else prefixes[key] = count - 1;
        }
    }

    /// <summary>An established connection is gone.</summary>
    internal void Left() => Interlocked.Decrement(ref _connections);

    private bool HasPrefixLimit(IPAddress source) =>
        _limits.HalfOpenPerPrefix > 0 && !(_limits.ExemptLoopback && IPAddress.IsLoopback(source));

    private bool TryTakePrefix(IPAddress source)
    {
        if (!HasPrefixLimit(source)) return true;
        var key = SourcePrefix.Of(source) * _mixer;
        var prefixes = _prefixes[key >> 60];
        lock (prefixes)
        {
            var count = prefixes.GetValueOrDefault(key);
            if (count >= _limits.HalfOpenPerPrefix) return false;
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
