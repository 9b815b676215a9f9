using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using IotPsk.Gateway.Serving.Mqtt;
using IotPsk.Net;

namespace IotPsk.Gateway.Serving;

/// <summary>What happened by its reason. Counted on shards, read from any thread.</summary>
internal sealed class EventCounters
{
    private readonly ConcurrentDictionary<(string Listener, string Reason), StrongBox<long>> _handshakes = new();
    private readonly ConcurrentDictionary<string, StrongBox<long>> _rekeys = new();
    private readonly long[] _closed = new long[Enum.GetValues<CloseReason>().Length];
    private readonly long[] _refused = new long[Enum.GetValues<RefusalReason>().Length];
    private readonly long[] _connects = new long[Enum.GetValues<MqttConnectRefusal>().Length];

    private readonly ConcurrentDictionary<string, StrongBox<long>> _completed = new(StringComparer.Ordinal);
    private long _resumed;
    private long _reloads;
    private long _reloadsRefused;

    /// <summary>Sessions that a ticket resumed.</summary>
    internal long Resumed => Volatile.Read(ref _resumed);

    internal IEnumerable<(string Listener, string Reason, long Count)> FailedHandshakes =>
        _handshakes.Select(entry => (entry.Key.Listener, entry.Key.Reason, Volatile.Read(ref entry.Value.Value)));

    /// <summary>Handshakes done, of each listener that had any.</summary>
    internal IEnumerable<(string Listener, long Count)> CompletedHandshakes => _completed.Select(entry => (entry.Key, Volatile.Read(ref entry.Value.Value)));

    /// <summary>Configurations taken over while running, and refused.</summary>
    internal (long Done, long Refused) Reloads => (Volatile.Read(ref _reloads), Volatile.Read(ref _reloadsRefused));

    internal long this[CloseReason reason] => Volatile.Read(ref _closed[(int)reason]);
    internal long this[RefusalReason reason] => Volatile.Read(ref _refused[(int)reason]);
    internal long this[MqttConnectRefusal reason] => Volatile.Read(ref _connects[(int)reason]);

    internal IEnumerable<(string Result, long Count)> Rekeys => _rekeys.Select(entry => (entry.Key, Volatile.Read(ref entry.Value.Value)));

    internal void CountRekey(string result) => Interlocked.Increment(ref _rekeys.GetOrAdd(result, static _ => new StrongBox<long>()).Value);
    internal void CountReload(bool refused) => Interlocked.Increment(ref refused ? ref _reloadsRefused : ref _reloads);
    internal void CountCompleted(string listener) => Interlocked.Increment(ref _completed.GetOrAdd(listener, static _ => new StrongBox<long>()).Value);
    internal void CountResumed() => Interlocked.Increment(ref _resumed);
    internal void Count(string listener, string reason) => Interlocked.Increment(ref _handshakes.GetOrAdd((listener, reason), static _ => new StrongBox<long>()).Value);
    internal void Count(CloseReason reason) => Interlocked.Increment(ref _closed[(int)reason]);
    internal long Count(RefusalReason reason) => Interlocked.Increment(ref _refused[(int)reason]);
    internal void Count(MqttConnectRefusal reason) => Interlocked.Increment(ref _connects[(int)reason]);
}
