using IotPsk.Shared;

namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>What is to be done at the broker, over all connections: the window into the queue, and the commands.</summary>
internal sealed class BrokerWork
{
    private const long WindowBytes = 1 << 20;
    // Bounds what a broker that refuses everything could have put aside.
    private const int MaxAside = 100, SuspiciousAfter = 3, GuiltyAfter = 6;
    // Messages sent and not acknowledged, at most.
    private const int WindowCount = 100;

    private readonly TelemetryQueue _queue;
    private readonly CommandRouter _router;
    private readonly TimeProvider _time;
    private readonly DeliveryWindow _window;
    private readonly Lock _gate = new();
    private int _connection, _ends, _aside;
    private long _lastAnswer;
    private bool _isProved;

    internal BrokerWork(TelemetryQueue queue, CommandRouter router, TelemetryCounters counters, TimeProvider time)
    {
        (_queue, _router, Counters, _time, _window) = (queue, router, counters, time, new DeliveryWindow(WindowCount, WindowBytes));
        queue.Grown = Wake.Set;
    }

    internal Wake Wake { get; } = new();

    internal TelemetryCounters Counters { get; }

    /// <summary>Messages put aside since the start.</summary>
    internal int Aside => Volatile.Read(ref _aside);

    /// <summary>How long this connection has brought no answer to any message, though the oldest one was sent.</summary>
    internal TimeSpan Unanswered
    {
        get
        {
            lock (_gate)
                return _window.First is { } first && first.Connection == _connection ? _time.GetElapsedTime(Math.Max(first.SentAt, _lastAnswer)) : TimeSpan.Zero;
        }
    }

    internal ushort NewId()
    {
        lock (_gate)
            return _window.NewId();
    }

    /// <summary>Another connection begins.</summary>
    internal void Connected()
    {
        lock (_gate)
            (_connection, _isProved) = (_connection + 1, false);
    }

    /// <summary>The connection works: the broker answered something on it.</summary>
    internal void Proved()
    {
        lock (_gate)
            _isProved = true;
        Wake.Set();
    }

    /// <summary>
    /// Messages to send now; empty where there is none, or no room in the window. First, under their identifiers, those that a former
    /// connection left without an answer (MQTT 3.1.1 s4.4, s4.6).
    /// </summary>
    /// <exception cref="BrokerException">The disk cannot be read.</exception>
    internal DeliveryWindow.Slot[] Next()
    {
        lock (_gate)
        {
            long now = _time.GetTimestamp();
            IEnumerable<DeliveryWindow.Slot> unsent = _window.Unsent(_connection);
            if (_ends >= SuspiciousAfter)
                return [.. unsent.Where(slot => _isProved && slot == _window.First).Select(slot => slot.SendOn(_connection, now))];
            DeliveryWindow.Slot[] again = [.. unsent.Select(slot => slot.SendOn(_connection, now))];
            (int count, long bytes) = _window.Room;
            if (again.Length > 0 || count == 0)
                return again;
            try
            {
                return [.. _queue.Read(_window.Last, count, bytes).Select(message => _window.Add(message).SendOn(_connection, now))];
            }
            catch (Microsoft.Data.Sqlite.SqliteException e)
            {
                throw new BrokerException($"the queue cannot be read: {e.Message}", inner: e);
            }
        }
    }

    internal void Acknowledged(int id)
    {
        lock (_gate)
        {
            if (!_window.Acknowledge(id))
                return;
            (_ends, _lastAnswer) = (0, _time.GetTimestamp());
            Counters.CountPublished();
            if (_window.Slide() is { Count: > 0 } done)
                _queue.Delivered(done.Sequence, done.Count, done.Bytes);
        }
        Wake.Set();
    }

    internal void Route(MqttPublish message, string prefix) =>
        _router.Route(message.Topic, prefix, message.Payload.AsMemory(message.PayloadOffset, message.PayloadCount), message.Retain);

    /// <summary>
    /// The broker ended a connection by itself. If it does so again and again without an answer to the oldest message, that one is sent alone, on
    /// connections that are known to work; if they end too, it is put aside, so that those behind it go on.
    /// </summary>
    /// <returns>The message that was put aside.</returns>
    internal QueuedMessage? ConnectionEnded()
    {
        lock (_gate)
        {
            if (_window.First?.Connection != _connection || ++_ends < GuiltyAfter || _aside >= MaxAside)
                return null;
            _ends = 0;
            _aside++;
            DeliveryWindow.Slot first = _window.PutFirstAside();
            _queue.PutAside(first.Message.Sequence);
            if (_window.Slide() is { Count: > 0 } done)
                _queue.Delivered(done.Sequence, done.Count, done.Bytes);
            return first.Message;
        }
    }
}
