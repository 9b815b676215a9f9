namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>Takes commands that came from the broker on <c>&lt;prefix&gt;/&lt;device&gt;/cmd/...</c>.</summary>
internal interface ICommandHandler
{
    /// <summary>Takes one command; called on one thread at a time, in the broker's order, and must not block. The broker may hand out a command twice.</summary>
    /// <param name="deviceId">A valid device id, enrolled or not.</param>
    /// <param name="command">What follows <c>cmd/</c>: <c>read/3303/0/5700</c>. Never empty.</param>
    /// <param name="payload">The message as it came, an envelope with <c>id</c>, <c>reply</c> and <c>value</c> included; valid during the call only.</param>
    /// <param name="reply">
    /// Publishes the answer: on the topic that the envelope's <c>reply</c> names, below <c>&lt;prefix&gt;/&lt;device&gt;/</c>, else on
    /// <c>&lt;prefix&gt;/&lt;device&gt;/reply/&lt;command&gt;</c>. From any thread, at once or later; only the first call counts.
    /// </param>
    /// <returns>False: not a device of this handler. One that speaks MQTT gets the message from the broker itself.</returns>
    bool TryHandle(string deviceId, string command, ReadOnlyMemory<byte> payload, Action<ReadOnlyMemory<byte>> reply);
}
