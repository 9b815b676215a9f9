using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tls12.Messages;

namespace IotPsk.Tls.Tls12.Client;

/// <summary>The server announced a ticket; it comes before its change_cipher_spec (RFC 5077 s3.3).</summary>
/// <param name="handshake">What is agreed.</param>
/// <param name="serverKeys">To read with.</param>
/// <param name="clientKeys">To write with, in a resumed session; null if they are in use already.</param>
internal sealed class ExpectNewSessionTicket(Tls12Handshake handshake, Tls12Protection serverKeys, Tls12Protection? clientKeys) : HandshakeState
{
    private Tls12Handshake? _handshake = handshake;
    private Tls12Protection? _serverKeys = serverKeys;
    private Tls12Protection? _clientKeys = clientKeys;

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.NewSessionTicket ? Tls12NewSessionTicket.MaxBodyLength : -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        error = Tls12NewSessionTicket.Parse(message.Body, out Tls12NewSessionTicket parsed);

        // RFC 5077 s3.3: change_cipher_spec is next.
        if (error == TlsErrorReason.None && !message.EndsRecord)
            error = TlsErrorReason.ExcessHandshakeData;
        if (error != TlsErrorReason.None)
            return this;
        Tls12Handshake handshake = HandshakeSecrets.Take(ref _handshake);
        handshake.Transcript.Append(message.Bytes);
        handshake.NewTicket = parsed.Ticket.ToArray();
        handshake.NewTicketLifetime = parsed.LifetimeHint;
        Tls12Protection serverKeys = HandshakeSecrets.Take(ref _serverKeys);
        return _clientKeys is null
            ? new ExpectChangeCipherSpec(handshake, serverKeys)
            : new ExpectResumedChangeCipherSpec(handshake, serverKeys, HandshakeSecrets.Take(ref _clientKeys));
    }

    public override void Dispose()
    {
        _handshake?.Dispose();
        _serverKeys?.Dispose();
        _clientKeys?.Dispose();
    }
}
