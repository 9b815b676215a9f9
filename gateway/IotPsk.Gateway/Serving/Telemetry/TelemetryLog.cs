using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>What telemetry logs: ids 1400 to 1499, highest 1410.</summary>
internal static partial class TelemetryLog
{
    [LoggerMessage(1400, LogLevel.Information, "Broker {Broker} is connected; {Queued} messages are queued for it", EventName = "BrokerConnected")]
    internal static partial void BrokerConnected(this ILogger log, string broker, long queued);

    [LoggerMessage(1401, LogLevel.Warning, "Broker {Broker} cannot be used: {Cause}. Messages are kept on the disk; trying again, at least every {Seconds} s", EventName = "BrokerAway")]
    internal static partial void BrokerAway(this ILogger log, string broker, string cause, int seconds);

    [LoggerMessage(1402, LogLevel.Warning, "The telemetry queue is full with {Messages} messages, {Bytes} bytes: new ones are refused until the broker takes some (Telemetry.QueueMegabytes)", EventName = "TelemetryQueueFull")]
    internal static partial void TelemetryQueueFull(this ILogger log, long messages, long bytes);

    [LoggerMessage(1403, LogLevel.Information, "The telemetry queue has room again; {Refused} messages were refused", EventName = "TelemetryQueueHasRoom")]
    internal static partial void TelemetryQueueHasRoom(this ILogger log, long refused);

    [LoggerMessage(1404, LogLevel.Warning, "The telemetry queue cannot be written, and messages are refused: {Cause}", EventName = "TelemetryDiskFailed")]
    internal static partial void TelemetryDiskFailed(this ILogger log, string cause);

    [LoggerMessage(1405, LogLevel.Information, "The telemetry queue can be written again; {Refused} messages were refused", EventName = "TelemetryDiskWorks")]
    internal static partial void TelemetryDiskWorks(this ILogger log, long refused);

    [LoggerMessage(1406, LogLevel.Warning, "A command for device {Device} was retained by the broker and is not carried out: publish commands without retain", EventName = "CommandRetained")]
    internal static partial void CommandRetained(this ILogger log, string device);

    [LoggerMessage(1407, LogLevel.Warning, "The broker ends the connection whenever it gets a message of {Bytes} bytes for device {Device}: it is put aside until the next start. Look at the broker's limits (max_packet_size)", EventName = "MessagePutAside")]
    internal static partial void MessagePutAside(this ILogger log, long bytes, string device);

    [LoggerMessage(1408, LogLevel.Warning, "The broker does not let user {User} subscribe to {Filter}: no command reaches LwM2M devices. Allow it in the broker's access rules", EventName = "CommandsForbidden")]
    internal static partial void CommandsForbidden(this ILogger log, string user, string filter);

    [LoggerMessage(1409, LogLevel.Warning, "The telemetry queue was damaged and begins anew; the old file is kept as {Path}", EventName = "TelemetryQueueDamaged")]
    internal static partial void TelemetryQueueDamaged(this ILogger log, string path);

    [LoggerMessage(1410, LogLevel.Warning, "A command of {Bytes} bytes is larger than the {Most} taken, and is dropped", EventName = "CommandTooLarge")]
    internal static partial void CommandTooLarge(this ILogger log, long bytes, int most);
}
