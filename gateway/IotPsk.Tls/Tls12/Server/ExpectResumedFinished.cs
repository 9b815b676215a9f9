using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Tls12.Server;

/// <summary>The client's Finished proves that it knows the secret of the session that is resumed.</summary>
internal sealed class ExpectResumedFinished(Tls12Handshake handshake) : HandshakeState
{
    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.Finished ? MasterSecret.VerifyDataLength : -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        FinishedVerified? verified = handshake.CheckFinished(ofClient: true, message, out error);
        return verified is null ? this : new ServerConnected(verified, handshake, records, ticketsIssued: 0);
    }

    public override void Dispose() => handshake.Dispose();
}
