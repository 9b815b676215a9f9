using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Client;

/// <summary>Nothing is sent yet.</summary>
internal sealed class Start(ClientOffer offer) : HandshakeState
{
    private ClientOffer? _offer = offer;

    public override bool CanContinue => true;

    public override int MaxBodyLength(HandshakeType type) => -1;

    public override HandshakeState Continue(RecordLayer records, out TlsErrorReason error)
    {
        _offer!.Prepare();
        ClientHelloWriter.Write(_offer, null);
        error = records.TryWriteHandshake(_offer.Hello) ? TlsErrorReason.None : TlsErrorReason.SequenceExhausted;
        records.ToleratesChangeCipherSpec = _offer.OffersTls13;
        records.MindsAlertLevels = _offer.OffersTls12;
        return new ExpectServerHello(HandshakeSecrets.Take(ref _offer));
    }

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        error = TlsErrorReason.UnexpectedHandshakeMessage;
        return this;
    }

    public override void Dispose() => _offer?.Dispose();
}
