using IotPsk.Tls.Dtls;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Tls12;

namespace IotPsk.Tls.Dtls12.Client;

/// <summary>The server's Finished proves that it knows the secret of the session that is resumed; the client's answers it.</summary>
internal sealed class ExpectResumedFinished(Tls12Handshake handshake) : DtlsState
{
    private Tls12Handshake? _handshake = handshake;

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.Finished ? MasterSecret.VerifyDataLength : -1;

    public override DtlsState Receive(in HandshakeMessage message, DtlsHandshake records, out TlsErrorReason error)
    {
        FinishedVerified? verified = _handshake!.VerifyFinished(ofClient: false, message, out error);
        if (verified is null)
            return this;
        Tls12Handshake handshake = HandshakeSecrets.Take(ref _handshake);
        records.Append(handshake.Transcript, message);
        records.BeginFlight();
        records.SendFinished(handshake, ofClient: true);
        return new DtlsConnected(verified, handshake, sentLast: true);
    }

    public override void Dispose() => _handshake?.Dispose();
}
