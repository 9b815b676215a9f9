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

    [LoggerMessage(1404, LogLevel.Error, "The telemetry queue cannot be written, and messages are refused: {Cause}", EventName = "TelemetryDiskFailed")]
    internal static partial void TelemetryDiskFailed(this ILogger log, string cause);

    [LoggerMessage(1405, LogLevel.Information, "The telemetry queue can be written again; {Refused} messages were refused", EventName = "TelemetryDiskWorks")]
    internal static partial void TelemetryDiskWorks(this ILogger log, long refused);
}
