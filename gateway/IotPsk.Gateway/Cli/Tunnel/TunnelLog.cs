using System.Net;
using IotPsk.Tls;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Cli.Tunnel;

/// <summary>What <c>iotpsk tunnel</c> logs: ids 1200 to 1219.</summary>
internal static partial class TunnelLog
{
    [LoggerMessage(1200, LogLevel.Information, "Ready: {Addresses} to {Server}", EventName = "TunnelReady")]
    internal static partial void TunnelReady(this ILogger log, string addresses, string server);

    [LoggerMessage(1201, LogLevel.Warning, "{Address} is open to other machines: whoever connects there speaks in the device's name", EventName = "TunnelIsOpen")]
    internal static partial void TunnelIsOpen(this ILogger log, IPEndPoint address);

    [LoggerMessage(1202, LogLevel.Information, "Stopping: {Connections} connections get up to {Seconds} s to finish", EventName = "TunnelStopping")]
    internal static partial void TunnelStopping(this ILogger log, int connections, int seconds);

    [LoggerMessage(1203, LogLevel.Warning, "No connection for {Remote}: {Problem}", EventName = "TunnelConnectionFailed")]
    internal static partial void TunnelConnectionFailed(this ILogger log, EndPoint? remote, string problem);

    [LoggerMessage(1204, LogLevel.Warning, "The connection of {Remote} broke: {Problem}", EventName = "TunnelConnectionBroke")]
    internal static partial void TunnelConnectionBroke(this ILogger log, EndPoint? remote, string problem);

    [LoggerMessage(1205, LogLevel.Warning, "A connection cannot be accepted: {Problem}", EventName = "TunnelAcceptFailed")]
    internal static partial void TunnelAcceptFailed(this ILogger log, string problem);

    [LoggerMessage(1206, LogLevel.Error, "A fault of this program; one connection was lost", EventName = "TunnelFault")]
    internal static partial void TunnelFault(this ILogger log, Exception exception);

    [LoggerMessage(1207, LogLevel.Debug, "{Remote} is connected to {Server}: {CipherSuite} {Resumption}", EventName = "TunnelConnectionOpened")]
    internal static partial void TunnelConnectionOpened(this ILogger log, EndPoint? remote, string server, CipherSuite cipherSuite, string resumption);

    [LoggerMessage(1208, LogLevel.Debug, "{Remote} closed: {Reason}, {BytesUp} bytes up, {BytesDown} down", EventName = "TunnelConnectionClosed")]
    internal static partial void TunnelConnectionClosed(this ILogger log, EndPoint? remote, TunnelEnd reason, long bytesUp, long bytesDown);
}
