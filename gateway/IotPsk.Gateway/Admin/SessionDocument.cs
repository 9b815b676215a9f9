using System.Globalization;
using System.Text.Json.Nodes;
using IotPsk.Gateway.Serving;
using IotPsk.Net;

namespace IotPsk.Gateway.Admin;

/// <summary>A live session as the admin socket tells it.</summary>
internal static class SessionDocument
{
    /// <summary>Null if it ended meanwhile.</summary>
    internal static JsonObject? Of(SessionInfo session)
    {
        if (session.Tls is not { } tls)
            return null;
        var grant = (DeviceGrant)session.Tag!;
        return new JsonObject
        {
            ["id"] = session.Id.ToString("x", CultureInfo.InvariantCulture),
            ["device"] = grant.Key.DeviceId,
            ["listener"] = session.Listener,
            ["remote"] = session.Remote.ToString(),
            ["connectedAt"] = session.ConnectedAt?.ToString("O", CultureInfo.InvariantCulture),
            ["version"] = TlsNames.Of(tls.Version),
            ["cipherSuite"] = tls.CipherSuite.ToString(),
            ["keyExchange"] = TlsNames.KeyExchange(tls),
            ["group"] = TlsNames.Of(tls.Group),
            ["imported"] = grant.IsImported,
            ["resumed"] = grant.IsResumed,
            ["epoch"] = grant.Key.Epoch,
            ["tpmCommands"] = grant.TpmCommands,
            ["handshakeBytesReceived"] = tls.HandshakeBytesReceived,
            ["handshakeBytesSent"] = tls.HandshakeBytesSent,
            ["recordSizeLimit"] = tls.PeerRecordSizeLimit,
            ["bytesUp"] = session.BytesUp,
            ["bytesDown"] = session.BytesDown,
        };
    }
}
