using IotPsk.Tls.Crypto;
using IotPsk.Tls.Dtls;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Tls12;
using IotPsk.Tls.Tls12.Messages;

namespace IotPsk.Tls.Dtls12.Client;

/// <summary>The ServerHello is good. With plain PSK the message only carries a hint and may be missing.</summary>
internal sealed class ExpectServerKeyExchange(Tls12Handshake handshake, PskTlsCredential credential, IReadOnlyList<NamedGroup> groups) : DtlsState
{
    private Tls12Handshake? _handshake = handshake;

    public override int MaxBodyLength(HandshakeType type) => type switch
    {
        HandshakeType.ServerKeyExchange => ServerKeyExchange.MaxBodyLength,
        HandshakeType.ServerHelloDone when !_handshake!.UsesEcdhe => Tls12.Client.ExpectServerHelloDone.MaxLength,
        _ => -1,
    };

    public override DtlsState Receive(in HandshakeMessage message, DtlsHandshake records, out TlsErrorReason error)
    {
        if (message.Type == HandshakeType.ServerHelloDone)
        {
            var done = new ExpectServerHelloDone(HandshakeSecrets.Take(ref _handshake), credential, shared: null);
            DtlsState after = done.Receive(message, records, out error);
            if (after != done)
                done.Dispose();
            return after;
        }

        Tls12Handshake handshake = _handshake!;
        records.Append(handshake.Transcript, message);
        SecretBuffer? shared = null;
        error = ServerKeyExchange.Parse(message.Body, handshake.UsesEcdhe, out ServerKeyExchange exchange);
        if (error == TlsErrorReason.None && handshake.UsesEcdhe)
            error = Tls12.Client.ExpectServerKeyExchange.Agree(exchange, handshake, groups, out shared);
        return error == TlsErrorReason.None ? new ExpectServerHelloDone(HandshakeSecrets.Take(ref _handshake), credential, shared) : this;
    }

    public override void Dispose() => _handshake?.Dispose();
}
