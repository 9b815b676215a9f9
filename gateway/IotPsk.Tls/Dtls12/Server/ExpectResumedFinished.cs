using IotPsk.Tls.Dtls;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Tls12;

namespace IotPsk.Tls.Dtls12.Server;

/// <summary>The client's Finished proves that it knows the secret of the session that is resumed.</summary>
internal sealed class ExpectResumedFinished(Tls12Handshake handshake) : DtlsState
{
    private Tls12Handshake? _handshake = handshake;

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.Finished ? MasterSecret.VerifyDataLength : -1;

    public override DtlsState Receive(in HandshakeMessage message, DtlsHandshake records, out TlsErrorReason error)
    {
        FinishedVerified? verified = _handshake!.VerifyFinished(ofClient: true, message, out error);
        return verified is null ? this : new DtlsConnected(verified, HandshakeSecrets.Take(ref _handshake), sentLast: false);
    }

    public override void Dispose() => _handshake?.Dispose();
}
