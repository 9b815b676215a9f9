using IotPsk.Tls.Crypto;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tls12.Messages;

namespace IotPsk.Tls.Tls12.Server;

/// <summary>The server's hello is out.</summary>
internal sealed class ExpectClientKeyExchange(Tls12Handshake handshake, SessionIssue? issue) : HandshakeState
{
    private Tls12Handshake? _handshake = handshake;

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.ClientKeyExchange ? ClientKeyExchange.MaxBodyLength : -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        // RFC 5246 s7.3: change_cipher_spec is next.
        if (!message.EndsRecord)
        {
            error = TlsErrorReason.ExcessHandshakeData;
            return this;
        }

        Tls12Handshake handshake = _handshake!;
        error = ClientKeyExchange.Parse(message.Body, handshake.UsesEcdhe, out ClientKeyExchange exchange);
        if (error != TlsErrorReason.None)
            return this;
        handshake.Transcript.Append(message.Bytes);
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
