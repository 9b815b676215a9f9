using IotPsk.Tls.Crypto;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tls12.Messages;

namespace IotPsk.Tls.Tls12.Client;

/// <summary>The ServerHello is good. With plain PSK the message only carries a hint and may be missing.</summary>
internal sealed class ExpectServerKeyExchange(Tls12Handshake handshake, PskTlsCredential credential, IReadOnlyList<NamedGroup> groups) : HandshakeState
{
    private Tls12Handshake? _handshake = handshake;

    public override int MaxBodyLength(HandshakeType type) => type switch
    {
        HandshakeType.ServerKeyExchange => ServerKeyExchange.MaxBodyLength,
        HandshakeType.ServerHelloDone when !_handshake!.UsesEcdhe => ExpectServerHelloDone.MaxLength,
        _ => -1,
    };

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        Tls12Handshake handshake = _handshake!;
        SecretBuffer? shared = null;
        error = TlsErrorReason.None;
        if (message.Type == HandshakeType.ServerKeyExchange)
        {
            handshake.Transcript.Append(message.Bytes);
            error = ServerKeyExchange.Parse(message.Body, handshake.UsesEcdhe, out ServerKeyExchange exchange);
            if (error == TlsErrorReason.None && handshake.UsesEcdhe)
                error = Agree(exchange, handshake, groups, out shared);
        }

        if (error != TlsErrorReason.None)
            return this;
        var next = new ExpectServerHelloDone(HandshakeSecrets.Take(ref _handshake), credential, shared);
        if (message.Type == HandshakeType.ServerKeyExchange)
            return next;
        HandshakeState after = next.Receive(message, records, out error);
        if (after != next)
            next.Dispose();
        return after;
    }

    public override void Dispose() => _handshake?.Dispose();

    public static TlsErrorReason Agree(in ServerKeyExchange exchange, Tls12Handshake handshake, IReadOnlyList<NamedGroup> groups, out SecretBuffer? shared)
    {
        shared = null;

        // RFC 8422 s5.4: a curve of the client's list.
        if (!groups.Contains(exchange.Group))
            return TlsErrorReason.SelectedUnofferedGroup;
        handshake.Group = exchange.Group;
        handshake.Key = handshake.Crypto.CreateKeyAgreement(exchange.Group);
        shared = new SecretBuffer(KeyAgreement.SecretLength);
        if (handshake.Key.TryAgree(exchange.Point, shared.Span))
            return TlsErrorReason.None;

        // RFC 8422 s5.11: a point off the curve or of low order.
        shared.Dispose();
        shared = null;
        return TlsErrorReason.InvalidKeyShare;
    }
}
