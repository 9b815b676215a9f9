using IotPsk.Tls.Crypto;
using IotPsk.Tls.Dtls;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Tls12;
using IotPsk.Tls.Tls12.Messages;
using IotPsk.Tls.Tls12.Server;

namespace IotPsk.Tls.Dtls12.Server;

/// <summary>The server's hello is out.</summary>
internal sealed class ExpectClientKeyExchange(Tls12Handshake handshake, SessionIssue? issue) : DtlsState
{
    private Tls12Handshake? _handshake = handshake;

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.ClientKeyExchange ? ClientKeyExchange.MaxBodyLength : -1;

    public override DtlsState Receive(in HandshakeMessage message, DtlsHandshake records, out TlsErrorReason error)
    {
        Tls12Handshake handshake = _handshake!;
        error = ClientKeyExchange.Parse(message.Body, handshake.UsesEcdhe, out ClientKeyExchange exchange);
        if (error != TlsErrorReason.None)
            return this;
        records.Append(handshake.Transcript, message);
        SecretBuffer? shared = null;
        if (handshake.UsesEcdhe)
        {
            shared = new SecretBuffer(KeyAgreement.SecretLength);
            if (!handshake.Key!.TryAgree(exchange.Point, shared.Span))
            {
                // RFC 8422 s5.11: a point off the curve or of low order.
                shared.Dispose();
                error = TlsErrorReason.InvalidKeyShare;
                return this;
            }
        }

        return new AwaitPsk(HandshakeSecrets.Take(ref _handshake), exchange.Identity, shared, issue);
    }

    public override void Dispose() => _handshake?.Dispose();
}
