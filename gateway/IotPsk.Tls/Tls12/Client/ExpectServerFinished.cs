using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Tls12.Client;

/// <summary>The server's Finished proves that it knows the PSK and saw the same handshake.</summary>
internal sealed class ExpectServerFinished(Tls12Handshake handshake) : HandshakeState
{
    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.Finished ? MasterSecret.VerifyDataLength : -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        FinishedVerified? verified = handshake.CheckFinished(ofClient: false, message, out error);
        return verified is null ? this : new ClientConnected(verified, handshake, records);
    }

    public override void Dispose() => handshake.Dispose();
}
