using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Tls12.Server;

/// <summary>The keys are known; the client says that it uses them from here on.</summary>
internal sealed class ExpectChangeCipherSpec(Tls12Handshake handshake, SessionIssue? issue) : HandshakeState
{
    private Tls12Handshake? _handshake = handshake;

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
        (Tls12Protection client, Tls12Protection server) = _handshake!.DeriveKeys();
        records.ProtectReads(client);
        return new ExpectFinished(HandshakeSecrets.Take(ref _handshake), server, issue);
    }

    public override void Dispose() => _handshake?.Dispose();
}
