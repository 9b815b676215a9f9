namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>A message as it lies on the disk.</summary>
/// <param name="Sequence">Its place: larger than that of every message before it.</param>
/// <param name="Topic">What follows the prefix and its slash.</param>
/// <param name="Payload">The message.</param>
/// <param name="Retain">The broker keeps it.</param>
internal sealed record QueuedMessage(long Sequence, string Topic, byte[] Payload, bool Retain);
