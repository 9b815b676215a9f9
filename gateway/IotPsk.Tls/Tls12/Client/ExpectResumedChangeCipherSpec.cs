using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Tls12.Client;

/// <summary>The server resumes the session; it says that it uses the keys from here on.</summary>
internal sealed class ExpectResumedChangeCipherSpec(Tls12Handshake handshake, Tls12Protection serverKeys, Tls12Protection clientKeys) : HandshakeState
{
    private Tls12Handshake? _handshake = handshake;
    private Tls12Protection? _serverKeys = serverKeys;
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
        records.ProtectReads(HandshakeSecrets.Take(ref _serverKeys));
        return new ExpectResumedFinished(HandshakeSecrets.Take(ref _handshake), HandshakeSecrets.Take(ref _clientKeys));
    }

    public override void Dispose()
    {
        _handshake?.Dispose();
        _serverKeys?.Dispose();
        _clientKeys?.Dispose();
    }
}
