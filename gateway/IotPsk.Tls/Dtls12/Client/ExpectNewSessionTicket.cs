using IotPsk.Tls.Dtls;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Tls12;
using IotPsk.Tls.Tls12.Messages;

namespace IotPsk.Tls.Dtls12.Client;

/// <summary>The server announced a ticket; it comes before its change_cipher_spec (RFC 5077 s3.3).</summary>
internal sealed class ExpectNewSessionTicket(Tls12Handshake handshake) : DtlsState
{
    private Tls12Handshake? _handshake = handshake;

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.NewSessionTicket ? Tls12NewSessionTicket.MaxBodyLength : -1;

    public override DtlsState Receive(in HandshakeMessage message, DtlsHandshake records, out TlsErrorReason error)
    {
        error = Tls12NewSessionTicket.Parse(message.Body, out Tls12NewSessionTicket parsed);
        if (error != TlsErrorReason.None)
            return this;
        Tls12Handshake handshake = HandshakeSecrets.Take(ref _handshake);
        records.Append(handshake.Transcript, message);
        handshake.NewTicket = parsed.Ticket.ToArray();
        handshake.NewTicketLifetime = parsed.LifetimeHint;
        return handshake.IsResumed ? new ExpectResumedFinished(handshake) : new ExpectServerFinished(handshake);
    }

    public override void Dispose() => _handshake?.Dispose();
}
