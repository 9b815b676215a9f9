using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Tls12.Server;

/// <summary>The server's Finished of a resumed session is out; the client says that it uses the keys from here on.</summary>
internal sealed class ExpectResumedChangeCipherSpec(Tls12Handshake handshake, Tls12Protection clientKeys) : HandshakeState
{
    private Tls12Handshake? _handshake = handshake;
    private Tls12Protection? _clientKeys = clientKeys;

    public override int MaxBodyLength(HandshakeType type) => -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        error = TlsErrorReason.UnexpectedHandshakeMessage;
        return this;
    }

    public override HandshakeState ReceiveChangeCipherSpec(RecordLayer records, out TlsErrorReason error)
    {
        error = TlsErrorReason.None;
        records.ProtectReads(HandshakeSecrets.Take(ref _clientKeys));
        return new ExpectResumedFinished(HandshakeSecrets.Take(ref _handshake));
    }

    public override void Dispose()
    {
        _handshake?.Dispose();
        _clientKeys?.Dispose();
    }
}
