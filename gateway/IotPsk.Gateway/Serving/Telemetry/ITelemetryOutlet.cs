namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>Where values and events leave for the broker. Safe from any thread; never blocks, so that shards may call it.</summary>
internal interface ITelemetryOutlet
{
    /// <summary>
    /// Takes a message. It goes to the broker at least once, with QoS 1, in the order of the calls; the broker may be away for as long as the
    /// queue has room.
    /// </summary>
    /// <param name="topic">What follows <c>&lt;prefix&gt;/</c>: <c>meter-1/3303/0/5700</c>. One that is no topic name (MQTT 3.1.1 s4.7) is not taken.</param>
    /// <param name="payload">The message; copied before this returns. With <paramref name="retain"/> an empty one erases what the broker keeps.</param>
    /// <param name="retain">The broker keeps it for later subscribers.</param>
    /// <param name="taken">
    /// Called exactly once, on this or another thread, and must not block: true once the message lies on the disk, where it survives kill -9 and
    /// power loss; false where it does not (the queue or the disk is full, the message too large), and then it will not be sent.
    /// Null: nobody waits for it.
    /// </param>
    void Publish(string topic, ReadOnlyMemory<byte> payload, bool retain, Action<bool>? taken);
}
