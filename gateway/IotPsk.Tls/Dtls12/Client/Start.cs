using IotPsk.Tls.Client;
using IotPsk.Tls.Dtls;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Dtls12.Client;

/// <summary>Nothing is sent yet.</summary>
internal sealed class Start(ClientOffer offer) : DtlsState
{
    private ClientOffer? _offer = offer;

    public override bool CanContinue => true;

    public override int MaxBodyLength(HandshakeType type) => -1;

    public override DtlsState Continue(DtlsHandshake records, out TlsErrorReason error)
    {
        error = TlsErrorReason.None;
        _offer!.Prepare();
        records.Start(messageSequence: 0, recordSequence: 0);
        SendHello(_offer, records);
        return new ExpectServerHello(HandshakeSecrets.Take(ref _offer));
    }

    /// <summary>A flight of its own: what it answers, if anything, is not repeated for want of it.</summary>
    public static void SendHello(ClientOffer offer, DtlsHandshake records)
    {
        ClientHelloWriter.Write(offer, transcript: null);
        offer.Datagram!.HelloSequence = records.PeekNextMessage();
        records.BeginFlight(isAnswer: false);
        records.Send(offer.Hello, transcript: null);
    }

    public override void Dispose() => _offer?.Dispose();
}
