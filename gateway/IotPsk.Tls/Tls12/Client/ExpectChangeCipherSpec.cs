using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Tls12.Client;

/// <summary>The client's flight is out; the server says that it uses the new keys from here on.</summary>
internal sealed class ExpectChangeCipherSpec(Tls12Handshake handshake, Tls12Protection serverKeys) : HandshakeState
{
    private Tls12Handshake? _handshake = handshake;
    private Tls12Protection? _serverKeys = serverKeys;

    public override int MaxBodyLength(HandshakeType type) => -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        // RFC 5246 s7.4.9: no Finished without change_cipher_spec before it.
        error = TlsErrorReason.UnexpectedHandshakeMessage;
        return this;
    }

    public override HandshakeState ReceiveChangeCipherSpec(RecordLayer records, out TlsErrorReason error)
    {
        error = TlsErrorReason.None;
        records.ProtectReads(HandshakeSecrets.Take(ref _serverKeys));
        return new ExpectServerFinished(HandshakeSecrets.Take(ref _handshake));
    }

    public override void Dispose()
    {
        _handshake?.Dispose();
        _serverKeys?.Dispose();
    }
}
