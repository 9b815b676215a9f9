using System.Net;
using IotPsk.Net;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving;

/// <summary>Everything the service logs. Highest id: 1021, of the registry 1031. Devices appear by their log name, in clear at Debug only.</summary>
internal static partial class GatewayLog
{
    [LoggerMessage(1001, LogLevel.Information, "Ready: fleet {ServerId}, {Devices} devices, TPM {Tpm}, {Listeners}", EventName = "Ready")]
    internal static partial void Ready(this ILogger log, string serverId, int devices, string tpm, string listeners);

    [LoggerMessage(1002, LogLevel.Information, "Stopping: {Sessions} sessions get up to {Seconds} s to finish", EventName = "Stopping")]
    internal static partial void Stopping(this ILogger log, long sessions, int seconds);

    [LoggerMessage(1003, LogLevel.Warning, "Handshake failed on {Listener} from {Remote}: {Reason}", EventName = "HandshakeFailed")]
    internal static partial void HandshakeFailed(this ILogger log, string listener, IPEndPoint remote, string reason);

    [LoggerMessage(1004, LogLevel.Warning, "Connections are refused on {Listener}: {Reason}; {Count} since the last such line", EventName = "ConnectionsRefused")]
    internal static partial void ConnectionsRefused(this ILogger log, string listener, RefusalReason reason, long count);

    [LoggerMessage(1005, LogLevel.Warning, "CONNECT refused on {Listener} from {Remote}: {Reason}, device {Device}", EventName = "ConnectRefused")]
    internal static partial void ConnectRefused(this ILogger log, string listener, IPEndPoint remote, Mqtt.MqttConnectRefusal reason, string device);

    [LoggerMessage(1006, LogLevel.Warning, "Upstream {Upstream} of {Listener} cannot be reached: {Cause}, device {Device}", EventName = "UpstreamFailed")]
    internal static partial void UpstreamFailed(this ILogger log, EndPoint upstream, string listener, string cause, string device);

    [LoggerMessage(1007, LogLevel.Warning, "Session ended on {Listener} from {Remote}: {Reason}, device {Device}", EventName = "SessionBroken")]
    internal static partial void SessionBroken(this ILogger log, string listener, IPEndPoint remote, string reason, string device);

    [LoggerMessage(1008, LogLevel.Information, "Device {Device} may no longer connect; {Sessions} sessions of it were closed", EventName = "DeviceClosed")]
    internal static partial void DeviceClosed(this ILogger log, string device, int sessions);

    [LoggerMessage(1009, LogLevel.Warning, "{Problem}", EventName = "Problem")]
    internal static partial void Problem(this ILogger log, string problem);

    [LoggerMessage(1010, LogLevel.Error, "A fault of this program; one session at most was lost", EventName = "Fault")]
    internal static partial void Fault(this ILogger log, Exception exception);

    [LoggerMessage(1011, LogLevel.Debug, "Session {Id:x} of {DeviceId} ({Device}) opened on {Listener} from {Remote}: {Version} {CipherSuite} {KeyExchange} {Resumption}, epoch {Epoch}, {TpmCommands} TPM commands", EventName = "SessionOpened")]
    internal static partial void SessionOpened(this ILogger log, long id, string deviceId, string device, string listener, IPEndPoint remote, string version, string cipherSuite, string keyExchange, int epoch, string resumption, int tpmCommands);

    [LoggerMessage(1013, LogLevel.Information, "{Count} keys of the last run are at hand", EventName = "KeysKept")]
    internal static partial void KeysKept(this ILogger log, int count);

    [LoggerMessage(1012, LogLevel.Debug, "Session {Id:x} of {DeviceId} closed: {Reason}, {BytesUp} bytes up, {BytesDown} down", EventName = "SessionClosed")]
    internal static partial void SessionClosed(this ILogger log, long id, string deviceId, CloseReason reason, long bytesUp, long bytesDown);

    [LoggerMessage(1014, LogLevel.Information, "{Count} associations of {Listener} are kept for the next run", EventName = "AssociationsKept")]
    internal static partial void AssociationsKept(this ILogger log, int count, string listener);

    [LoggerMessage(1015, LogLevel.Information, "Reloaded: {Listeners}", EventName = "Reloaded")]
    internal static partial void Reloaded(this ILogger log, string listeners);

    [LoggerMessage(1016, LogLevel.Warning, "The configuration is not taken over, the old one stays: {Error}", EventName = "ReloadRefused")]
    internal static partial void ReloadRefused(this ILogger log, string error);

    [LoggerMessage(1017, LogLevel.Warning, "Changed in the configuration, but only a restart takes it over: {Keys}", EventName = "NeedsRestart")]
    internal static partial void NeedsRestart(this ILogger log, string keys);

    [LoggerMessage(1020, LogLevel.Warning, "{Part} does not answer: the watchdog is not fed", EventName = "Stuck")]
    internal static partial void Stuck(this ILogger log, string part);

    [LoggerMessage(1021, LogLevel.Warning, "{Count} more handshakes failed for {Reason} than have a line here: iotpsk_handshakes_failed_total counts them", EventName = "HandshakeFailuresUntold")]
    internal static partial void HandshakeFailuresUntold(this ILogger log, long count, string reason);

    [LoggerMessage(1030, LogLevel.Warning, "The registry is not to be had; devices are served as they were known last: {Problem}", EventName = "RegistryAway")]
    internal static partial void RegistryAway(this ILogger log, string problem);

    [LoggerMessage(1031, LogLevel.Information, "The registry is there again", EventName = "RegistryBack")]
    internal static partial void RegistryBack(this ILogger log);

    [LoggerMessage(1018, LogLevel.Information, "Device {Device} was given the key of epoch {Epoch} on the strength of that of epoch {From}, on {Listener} from {Remote}", EventName = "Rekeyed")]
    internal static partial void Rekeyed(this ILogger log, string device, int epoch, int from, string listener, IPEndPoint remote);

    [LoggerMessage(1019, LogLevel.Information, "Device {Device} of epoch {From} is not given a new key, on {Listener} from {Remote}: {Reason}", EventName = "RekeyRefused")]
    internal static partial void RekeyRefused(this ILogger log, string device, int from, string listener, IPEndPoint remote, string reason);
}
