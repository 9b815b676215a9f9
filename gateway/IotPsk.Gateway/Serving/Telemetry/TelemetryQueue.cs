using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>
/// Messages on their way to the broker, on the disk. One thread writes: whatever came while it committed goes into the next commit.
/// Whoever adds a message only takes a lock for a moment.
/// </summary>
internal sealed class TelemetryQueue : IDisposable
{
    /// <summary>Bytes of a message with its topic, at most.</summary>
    internal const int MaxMessage = 256 * 1024;

    private const int MaxPending = 16 * 1024, MaxPendingBytes = 8 << 20;
    private const int MaxBatch = 1000, MaxBatchBytes = 1 << 20;
    // What was delivered may be forgotten a little later: nobody waits for it.
    private static readonly TimeSpan ForgetPause = TimeSpan.FromMilliseconds(100), RetryPause = TimeSpan.FromMilliseconds(500);

    private readonly TelemetryStore _store;
    private long _limit;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly TelemetryCounters _counters;
    private readonly Thread _thread;
    private readonly object _gate = new();
    private readonly Queue<Pending> _pending = new();
    private readonly HashSet<long> _kept = [];
    private long _pendingBytes;
    private long _count, _bytes, _sequence;
    private long _delivered, _forgotten, _deliveredCount, _deliveredBytes;
    private long _retryAt = long.MinValue;
    private long _refusedWhileFull = -1, _refusedWhileFailing = -1;
    private bool _stopping;

    /// <param name="store">The file; disposed with the queue.</param>
    /// <param name="limit">Bytes of messages at most, as <see cref="TelemetryStore.Cost"/> counts them.</param>
    /// <param name="counters">Counts what is taken and refused.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Is told when the queue is full, and when the disk fails.</param>
    internal TelemetryQueue(TelemetryStore store, long limit, TelemetryCounters counters, TimeProvider time, ILogger log)
    {
        (_store, _limit, _counters, _time, _log) = (store, limit, counters, time, log);
        (_count, _bytes, _sequence) = store.Found;
        _thread = new Thread(Write) { IsBackground = true, Name = "telemetry queue" };
        _thread.Start();
    }

    /// <summary>Bytes of messages at most; a file that is larger already stays so until it is opened again.</summary>
    internal long Limit { set { lock (_gate) _limit = value; } }

    internal string ClientId => _store.ClientId;

    /// <summary>Messages on the disk.</summary>
    internal long Count { get { lock (_gate) return _count - _deliveredCount; } }

    /// <summary>Bytes of them.</summary>
    internal long Bytes { get { lock (_gate) return _bytes - _deliveredBytes; } }

    /// <summary>How long the oldest message waits; zero where there is none, or the disk does not tell.</summary>
    internal TimeSpan OldestAge
    {
        get
        {
            try
            {
                return Count > 0 && _store.Oldest() is { } taken
                    ? TimeSpan.FromMilliseconds(Math.Max(0, _time.GetUtcNow().ToUnixTimeMilliseconds() - taken))
                    : TimeSpan.Zero;
            }
            catch (SqliteException)
            {
                return TimeSpan.Zero;
            }
        }
    }

    /// <summary>Takes a message as <see cref="ITelemetryOutlet.Publish"/> has it; the topic is a good one.</summary>
    internal void Add(string topic, ReadOnlyMemory<byte> payload, bool retain, Action<bool>? taken)
    {
        long cost = TelemetryStore.Cost(topic, payload.Length);
        TelemetryRefusal? refusal;
        lock (_gate)
        {
            refusal = Refusal(cost);
            if (refusal is null)
            {
                var message = new QueuedMessage(++_sequence, topic, payload.ToArray(), retain);
                _pending.Enqueue(new Pending(message, cost, _time.GetUtcNow().ToUnixTimeMilliseconds(), taken));
                _pendingBytes += cost;
                Monitor.PulseAll(_gate);
            }
        }
        if (refusal is { } reason)
            Refuse(reason, taken);
    }

    /// <summary>The next messages after one, in their order; empty where there is none yet.</summary>
    /// <exception cref="SqliteException">The disk fails.</exception>
    internal List<QueuedMessage> Read(long after, int count, long bytes) => _store.Read(after, count, bytes);

    /// <summary>Called when there is more to read, on the writer's thread.</summary>
    internal Action? Grown { get; set; }

    /// <summary>Nothing is on its way: all that was taken is delivered, or was put aside.</summary>
    internal bool IsIdle { get { lock (_gate) return _pendingBytes == 0 && _count - _deliveredCount <= _kept.Count; } }

    /// <summary>The broker has these: every message up to <paramref name="sequence"/> that was not put aside.</summary>
    internal void Delivered(long sequence, int count, long bytes)
    {
        lock (_gate)
        {
            _delivered = Math.Max(_delivered, sequence);
            _deliveredCount += count;
            _deliveredBytes += bytes;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>A message the broker does not take stays on the disk when those after it are delivered, until the next start tries it again.</summary>
    internal void PutAside(long sequence)
    {
        lock (_gate)
            _kept.Add(sequence);
    }

    internal void Refuse(TelemetryRefusal reason, Action<bool>? taken)
    {
        _counters.Count(reason);
        Tell(taken, false);
    }

    /// <summary>Commits what was taken and ends.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _stopping = true;
            Monitor.PulseAll(_gate);
        }
        _thread.Join();
        _store.Dispose();
    }

    private TelemetryRefusal? Refusal(long cost)
    {
        if (_stopping)
            return TelemetryRefusal.Stopping;
        if (cost > MaxMessage)
            return TelemetryRefusal.TooLarge;
        if (_bytes + _pendingBytes + cost > _limit)
        {
            if (_refusedWhileFull < 0)
                _log.TelemetryQueueFull(_count, _bytes);
            _refusedWhileFull = Math.Max(0, _refusedWhileFull) + 1;
            return TelemetryRefusal.QueueFull;
        }
        if (_retryAt > _time.GetTimestamp())
        {
            _refusedWhileFailing++;
            return TelemetryRefusal.DiskFailed;
        }
        return _pending.Count >= MaxPending || _pendingBytes + cost > MaxPendingBytes ? TelemetryRefusal.DiskSlow : null;
    }

    private void Write()
    {
        var batch = new List<Pending>();
        while (Take(batch, out long delivered, out long[] kept, out (long Count, long Bytes) gone))
        {
            bool written = TryCommit(batch, delivered, kept, gone);
            // Forgetting what was delivered needs hardly any room and makes some.
            if (!written && batch.Count > 0 && delivered > _forgotten)
                TryCommit([], delivered, kept, gone);
            foreach (Pending pending in batch)
            {
                if (written)
                    Tell(pending.Taken, true);
                else
                    Refuse(TelemetryRefusal.DiskFailed, pending.Taken);
            }
            if (written && batch.Count > 0)
                Grown?.Invoke();
        }
    }

    // False at the end: nothing is left to write.
    private bool Take(List<Pending> batch, out long delivered, out long[] kept, out (long, long) gone)
    {
        batch.Clear();
        lock (_gate)
        {
            while (_pending.Count == 0 && _delivered == _forgotten && !_stopping)
                Monitor.Wait(_gate);
            if (_pending.Count == 0 && !_stopping)
                Monitor.Wait(_gate, _retryAt > _time.GetTimestamp() ? RetryPause : ForgetPause);
            for (long bytes = 0; bytes < MaxBatchBytes && batch.Count < MaxBatch && _pending.TryDequeue(out Pending? pending); bytes += pending.Cost)
                batch.Add(pending);
            (delivered, kept, gone) = (_delivered, [.. _kept], (_deliveredCount, _deliveredBytes));
            bool isLast = batch.Count == 0 && _stopping;
            return !isLast || delivered > _forgotten && _retryAt == long.MinValue;
        }
    }

    private bool TryCommit(List<Pending> batch, long delivered, long[] kept, (long Count, long Bytes) gone)
    {
        try
        {
            _store.Commit([.. batch.Select(p => p.Message)], [.. batch.Select(p => p.Time)], delivered, kept);
        }
        catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException)
        {
            Failed(e, batch);
            return false;
        }
        long cost = batch.Sum(p => p.Cost);
        bool isEmpty;
        lock (_gate)
        {
            (_count, _bytes) = (_count + batch.Count - gone.Count, _bytes + cost - gone.Bytes);
            _pendingBytes -= cost;
            _deliveredCount -= gone.Count;
            _deliveredBytes -= gone.Bytes;
            _forgotten = delivered;
            Works();
            isEmpty = _count == 0;
        }
        _counters.CountTaken(batch.Count);
        if (isEmpty)
            Shrink();
        return true;
    }

    private void Failed(Exception cause, List<Pending> batch)
    {
        lock (_gate)
        {
            if (_refusedWhileFailing < 0)
                _log.TelemetryDiskFailed(cause.Message);
            _refusedWhileFailing = Math.Max(0, _refusedWhileFailing) + batch.Count;
            _retryAt = _time.GetTimestamp() + (long)(RetryPause.TotalSeconds * _time.TimestampFrequency);
            _pendingBytes -= batch.Sum(p => p.Cost);
        }
        _store.Distrust();
    }

    private void Works()
    {
        if (_refusedWhileFailing >= 0)
            _log.TelemetryDiskWorks(_refusedWhileFailing);
        (_refusedWhileFailing, _retryAt) = (-1, long.MinValue);
        // Not at the first free byte: a queue at its limit would tell so with every message.
        if (_refusedWhileFull < 0 || _bytes > _limit / 10 * 9)
            return;
        _log.TelemetryQueueHasRoom(_refusedWhileFull);
        _refusedWhileFull = -1;
    }

    private void Shrink()
    {
        try
        {
            _store.Shrink();
        }
        catch (SqliteException)
        {
            // The space stays with the file, which uses it again.
        }
    }

    private void Tell(Action<bool>? taken, bool result)
    {
        try
        {
            taken?.Invoke(result);
        }
        catch (Exception e)
        {
            // Whose message it was is one device's matter; the thread is everybody's.
            _log.Fault(e);
        }
    }

    private sealed record Pending(QueuedMessage Message, long Cost, long Time, Action<bool>? Taken);
}
