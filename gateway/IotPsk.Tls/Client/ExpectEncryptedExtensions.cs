using IotPsk.Tls.Crypto;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Client;

/// <summary>The ServerHello is good.</summary>
internal sealed class ExpectEncryptedExtensions(HandshakeSecrets secrets, SecretBuffer clientSecret, SecretBuffer serverSecret, ClientDraft draft) : HandshakeState
{
    private HandshakeSecrets? _secrets = secrets;
    private SecretBuffer? _clientSecret = clientSecret;
    private SecretBuffer? _serverSecret = serverSecret;
    private ClientDraft _draft = draft;

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.EncryptedExtensions ? EncryptedExtensions.MaxBodyLength : -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        error = EncryptedExtensions.Parse(message.Bytes, _draft.Options, out EncryptedExtensions extensions);
        if (error != TlsErrorReason.None)
            return this;
        if (extensions.RecordSizeLimit != 0)
        {
            records.PeerRecordSizeLimit = extensions.RecordSizeLimit;
            records.OwnRecordSizeLimit = _draft.Options.RecordSizeLimit;
        }

        _draft.ApplicationProtocol = extensions.ApplicationProtocol.Of(message.Bytes).ToArray();
        _secrets!.Transcript.Append(message.Bytes);
        return new ExpectServerFinished(
            HandshakeSecrets.Take(ref _secrets), HandshakeSecrets.Take(ref _clientSecret), HandshakeSecrets.Take(ref _serverSecret), _draft);
    }

    public override void Dispose()
    {
        _secrets?.Dispose();
        _clientSecret?.Dispose();
        _serverSecret?.Dispose();
    }
}
