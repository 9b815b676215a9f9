using IotPsk.Tls.Crypto;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tls12.Messages;

namespace IotPsk.Tls.Tls12.Client;

/// <summary>The server has said all; the client's whole flight answers it.</summary>
internal sealed class ExpectServerHelloDone(Tls12Handshake handshake, PskTlsCredential credential, SecretBuffer? shared) : HandshakeState
{
    /// <summary>The message is empty; one byte more is looked at, to call it malformed.</summary>
    public const int MaxLength = 1;

    private Tls12Handshake? _handshake = handshake;

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.ServerHelloDone ? MaxLength : -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        error = TlsErrorReason.None;
        if (!message.Body.IsEmpty)
            error = TlsErrorReason.MalformedServerHelloDone;

        // RFC 5246 s7.4.5: the server waits now.
        else if (!message.EndsRecord)
            error = TlsErrorReason.ExcessHandshakeData;
        if (error != TlsErrorReason.None)
            return this;
        Tls12Handshake handshake = _handshake!;
        handshake.Transcript.Append(message.Bytes);
        Tls12Protection serverKeys = Send(handshake, records, out error);
        return handshake.AwaitsTicket
            ? new ExpectNewSessionTicket(HandshakeSecrets.Take(ref _handshake), serverKeys, null)
            : new ExpectChangeCipherSpec(HandshakeSecrets.Take(ref _handshake), serverKeys);
    }

    public override void Dispose()
    {
        _handshake?.Dispose();
        shared?.Dispose();
    }

    private Tls12Protection Send(Tls12Handshake handshake, RecordLayer records, out TlsErrorReason error)
    {
        byte[] buffer = new byte[HandshakeMessage.HeaderLength + sizeof(ushort) + credential.Identity.Length + 1 + KeyAgreement.MaxPublicKeyLength];
        var writer = new WireWriter(buffer);
        ClientKeyExchange.Write(ref writer, credential.Identity, handshake.Key);
        handshake.Transcript.Append(writer.Written);
        bool sent = records.TryWriteHandshake(writer.Written);
        handshake.DeriveMaster(credential.Key, shared is null ? default : shared.Span);
        (Tls12Protection client, Tls12Protection server) = handshake.DeriveKeys();
        error = sent && handshake.TrySendFinished(ofClient: true, client, records) ? TlsErrorReason.None : TlsErrorReason.SequenceExhausted;
        return server;
    }
}
