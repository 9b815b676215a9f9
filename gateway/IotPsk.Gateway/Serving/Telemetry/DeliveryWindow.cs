namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>
/// The messages that were sent and are not all acknowledged, in their order, with their packet identifiers. It outlives a connection: what is in
/// it is sent again on the next one, under the same identifiers (MQTT 3.1.1 s4.4). No lock: its owner has one.
/// </summary>
internal sealed class DeliveryWindow(int maxCount, long maxBytes)
{
    private readonly List<Slot> _slots = [];
    private ushort _lastId;
    private long _bytes;

    /// <summary>The place of the last message ever added.</summary>
    internal long Last { get; private set; }

    internal int Count => _slots.Count;

    /// <summary>Messages that may still be added, and bytes.</summary>
    internal (int Count, long Bytes) Room => _bytes >= maxBytes ? default : (Math.Max(0, maxCount - _slots.Count), maxBytes - _bytes);

    /// <summary>The oldest message, which is not acknowledged; null where there is none.</summary>
    internal Slot? First => _slots.FirstOrDefault();

    /// <summary>What was not acknowledged and not sent on this connection.</summary>
    internal IEnumerable<Slot> Unsent(int connection) => _slots.Where(slot => !slot.IsAcknowledged && slot.Connection != connection);

    /// <summary>An identifier that no message of the window has (MQTT 3.1.1 s2.3.1).</summary>
    internal ushort NewId()
    {
        // The window is far smaller than the 65535 identifiers there are.
        do
            _lastId = (ushort)(_lastId == ushort.MaxValue ? 1 : _lastId + 1);
        while (_slots.Exists(slot => slot.Id == _lastId));
        return _lastId;
    }

    internal Slot Add(QueuedMessage message)
    {
        var slot = new Slot(message, NewId(), TelemetryStore.Cost(message.Topic, message.Payload.Length));
        _slots.Add(slot);
        _bytes += slot.Cost;
        Last = message.Sequence;
        return slot;
    }

    /// <summary>The broker has a message; false for an identifier that is none of the window's.</summary>
    internal bool Acknowledge(int id)
    {
        Slot? slot = _slots.Find(s => s.Id == id && !s.IsAcknowledged && s.Connection > 0);
        if (slot is not null)
            slot.IsAcknowledged = true;
        return slot is not null;
    }

    /// <summary>The oldest message is given up.</summary>
    internal Slot PutFirstAside()
    {
        Slot first = _slots[0];
        _slots.RemoveAt(0);
        _bytes -= first.Cost;
        return first;
    }

    /// <summary>Takes the acknowledged ones from the front: how many, their bytes, and the place of the last one.</summary>
    internal (int Count, long Bytes, long Sequence) Slide()
    {
        int count = _slots.FindIndex(slot => !slot.IsAcknowledged);
        count = count < 0 ? _slots.Count : count;
        if (count == 0)
            return default;
        long bytes = _slots[..count].Sum(slot => slot.Cost), sequence = _slots[count - 1].Message.Sequence;
        _slots.RemoveRange(0, count);
        _bytes -= bytes;
        return (count, bytes, sequence);
    }

    /// <summary>A message under its packet identifier.</summary>
    internal sealed class Slot(QueuedMessage message, ushort id, long cost)
    {
        internal QueuedMessage Message { get; } = message;
        internal ushort Id { get; } = id;
        internal long Cost { get; } = cost;

        /// <summary>The number of the connection that it went out on last, from 1 on.</summary>
        internal int Connection { get; private set; }

        /// <summary>When it went out last, as a timestamp.</summary>
        internal long SentAt { get; private set; }

        /// <summary>It went out before: it is a duplicate (MQTT 3.1.1 s3.3.1.1).</summary>
        internal bool IsDuplicate { get; private set; }
        internal bool IsAcknowledged { get; set; }

        internal Slot SendOn(int connection, long now)
        {
            (IsDuplicate, Connection, SentAt) = (Connection > 0, connection, now);
            return this;
        }
    }
}
