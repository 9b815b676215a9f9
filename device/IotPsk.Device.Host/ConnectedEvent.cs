using System.Globalization;
using System.Text.Json.Nodes;

namespace IotPsk.Device.Host;

/// <summary>The event "connected": what a handshake agreed on, and what it cost.</summary>
internal static class ConnectedEvent
{
    internal static void Print(EventPrinter printer, string device, ServerAddress address, int epoch, TlsConnectionInfo info)
    {
        string key = info.IsImported ? "imported" : "external";
        string session = $"{info.VersionName} {info.CipherSuiteName} {info.KeyExchangeName}{(info.IsResumed ? " resumed" : "")}, {key} PSK";
        var details = new JsonObject
        {
            ["address"] = address.ToString(),
            ["version"] = info.VersionName,
            ["suite"] = info.CipherSuiteName,
            ["keyExchange"] = info.KeyExchangeName,
            ["imported"] = info.IsImported,
            ["resumed"] = info.IsResumed,
            ["epoch"] = epoch,
            ["handshakeBytesSent"] = info.HandshakeBytesSent,
            ["handshakeBytesReceived"] = info.HandshakeBytesReceived,
        };
        if (info.MaxMessage >= 0)
            details["connectionId"] = info.HasConnectionId;
        printer.Print("connected", device, string.Create(CultureInfo.InvariantCulture,
            $"connected to {address}: {session}, epoch {epoch}, handshake {info.HandshakeBytesSent} bytes out, {info.HandshakeBytesReceived} in"), details);
    }
}
