using IotPsk.Tls.Crypto;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Server;

/// <summary>The server's flight is out; the client's Finished ends the handshake.</summary>
internal sealed class ExpectFinished(BinderVerified binderVerified, ServerSecrets secrets, Negotiation negotiation) : HandshakeState
{
    private readonly BinderVerified _binderVerified = binderVerified ?? throw new ArgumentNullException(nameof(binderVerified));

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.Finished ? TlsHashes.MaxLength : -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        error = TlsErrorReason.None;

        // RFC 8446 s5.1: nothing follows in the record, for the keys change.
        if (!message.EndsRecord)
            error = TlsErrorReason.ExcessHandshakeData;
        else if (message.Body.Length != secrets.ExpectedFinished.Length)
            error = TlsErrorReason.MalformedFinished;
        if (error != TlsErrorReason.None)
            return this;

        // RFC 8446 s4.4.4: a wrong Finished is a decrypt_error.
        FinishedVerified? verified = FinishedVerified.Check(secrets.ExpectedFinished, message.Body);
        if (verified is null)
        {
            error = TlsErrorReason.FinishedMismatch;
            return this;
        }

        return new ServerConnected(_binderVerified, verified, records, secrets, negotiation);
    }

    public override void Dispose() => secrets.Dispose();
}
