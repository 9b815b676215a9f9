namespace IotPsk.Lwm2m.Coap;

/// <summary>Carries messages to peers: one message, one datagram.</summary>
public interface ICoapChannel
{
    /// <summary>Sends a message; it may be lost, as anything on a network may be.</summary>
    /// <param name="peer">Whom it is for.</param>
    /// <param name="message">The message; valid until the call returns.</param>
    void Send(CoapPeer peer, ReadOnlySpan<byte> message);
}
