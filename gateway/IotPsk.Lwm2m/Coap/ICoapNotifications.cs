using IotPsk.Shared;

namespace IotPsk.Lwm2m.Coap;

/// <summary>Takes responses that answer no open request: notifications of observations (RFC 7641 s4.2). Called on the server's thread.</summary>
public interface ICoapNotifications
{
    /// <summary>Takes one, and may put its acknowledgement off by <see cref="CoapServer.HoldAcknowledgement"/>.</summary>
    /// <param name="peer">Who sent it.</param>
    /// <param name="notification">The message; of use until the call returns.</param>
    /// <param name="now">The time, in milliseconds of the server's clock.</param>
    /// <returns>False if nobody waits for it: the peer is told by a reset to notify no more (RFC 7641 s3.6).</returns>
    bool Take(CoapPeer peer, CoapReader notification, long now);
}
