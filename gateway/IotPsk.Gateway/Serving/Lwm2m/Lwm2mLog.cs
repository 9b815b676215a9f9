using IotPsk.Lwm2m.Registration;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving.Lwm2m;

/// <summary>What is logged of LwM2M: ids 1100 to 1149. Devices appear by their log name, in clear at Debug only.</summary>
internal static partial class Lwm2mLog
{
    [LoggerMessage(1100, LogLevel.Information, "{Count} LwM2M registrations of the last run go on", EventName = "RegistrationsKept")]
    internal static partial void RegistrationsKept(this ILogger log, int count);

    [LoggerMessage(1101, LogLevel.Debug, "{DeviceId} ({Device}) registered: LwM2M {Version}, lifetime {Lifetime} s, queue mode {QueueMode}, {Objects} objects and instances", EventName = "Registered")]
    internal static partial void Registered(this ILogger log, string deviceId, string device, string version, uint lifetime, bool queueMode, int objects);

    [LoggerMessage(1102, LogLevel.Debug, "The registration of {DeviceId} ({Device}) ended: {Reason}", EventName = "RegistrationEnded")]
    internal static partial void RegistrationEnded(this ILogger log, string deviceId, string device, RegistrationEnd reason);

    [LoggerMessage(1103, LogLevel.Warning, "Values of device {Device} are not taken: {Problem} {Count} of all devices so far", EventName = "ValuesRefused")]
    internal static partial void ValuesRefused(this ILogger log, string device, string problem, long count);

    [LoggerMessage(1104, LogLevel.Information, "The firmware of device {Device} was updated by {File}", EventName = "FirmwareUpdated")]
    internal static partial void FirmwareUpdated(this ILogger log, string device, string file);

    [LoggerMessage(1105, LogLevel.Warning, "The firmware of device {Device} was not updated by {File}: {Problem}", EventName = "FirmwareFailed")]
    internal static partial void FirmwareFailed(this ILogger log, string device, string file, string problem);
}
