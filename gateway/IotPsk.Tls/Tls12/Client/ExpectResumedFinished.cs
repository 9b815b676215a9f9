using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Tls12.Client;

/// <summary>The server's Finished proves that it knows the secret of the session that is resumed; the client's answers it.</summary>
internal sealed class ExpectResumedFinished(Tls12Handshake handshake, Tls12Protection clientKeys) : HandshakeState
{
    private Tls12Protection? _clientKeys = clientKeys;

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.Finished ? MasterSecret.VerifyDataLength : -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        FinishedVerified? verified = handshake.CheckFinished(ofClient: false, message, out error);
        if (verified is null)
            return this;
        if (!handshake.TrySendFinished(ofClient: true, HandshakeSecrets.Take(ref _clientKeys), records))
        {
            error = TlsErrorReason.SequenceExhausted;
            return this;
        }

        return new ClientConnected(verified, handshake, records);
    }

    public override void Dispose()
    {
        handshake.Dispose();
        _clientKeys?.Dispose();
    }
}
