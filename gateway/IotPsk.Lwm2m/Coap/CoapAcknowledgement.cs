namespace IotPsk.Lwm2m.Coap;

/// <summary>The acknowledgement of a response or notification, put off until what it brought is safe. To be used on the server's thread, once.</summary>
public sealed class CoapAcknowledgement
{
    private readonly CoapServer _server;
    private readonly CoapPeer _peer;
    private readonly int _messageId;
    private readonly long _at;

    internal CoapAcknowledgement(CoapServer server, CoapPeer peer, int messageId, long at)
    {
        _at = at;
        _server = server;
        _peer = peer;
        _messageId = messageId;
    }

    internal bool IsHeld { get; set; }

    /// <summary>Acknowledges: the peer will not send it again.</summary>
    public void Give() => _server.SendHeld(_peer, _messageId, null, _at);

    /// <summary>Does not: when the peer sends it again it is taken as new.</summary>
    public void Withhold() => _server.Forget(_peer, _messageId);
}
