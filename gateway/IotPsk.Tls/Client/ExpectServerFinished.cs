using IotPsk.Tls.Crypto;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Client;

/// <summary>The server's Finished proves that it knows the PSK and saw the same handshake; the client's answers it.</summary>
internal sealed class ExpectServerFinished(HandshakeSecrets secrets, SecretBuffer clientSecret, SecretBuffer serverSecret, ClientDraft draft) : HandshakeState
{
    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.Finished ? TlsHashes.MaxLength : -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        error = TlsErrorReason.None;
        int length = secrets.Hash.Length();

        // RFC 8446 s5.1: nothing follows in the record, for the keys change.
        if (!message.EndsRecord)
            error = TlsErrorReason.ExcessHandshakeData;
        else if (message.Body.Length != length)
            error = TlsErrorReason.MalformedFinished;
        if (error != TlsErrorReason.None)
            return this;

        Span<byte> hash = stackalloc byte[length];
        Span<byte> expected = stackalloc byte[length];
        secrets.Transcript.Snapshot(hash);
        secrets.Schedule.ComputeFinished(serverSecret.Span, hash, expected);

        // RFC 8446 s4.4.4: a wrong Finished is a decrypt_error.
        FinishedVerified? verified = FinishedVerified.Check(expected, message.Body);
        if (verified is null)
        {
            error = TlsErrorReason.FinishedMismatch;
            return this;
        }

        secrets.Transcript.Append(message.Bytes);
        secrets.Transcript.Snapshot(hash);
        if (!TrySendFinished(hash, records))
        {
            error = TlsErrorReason.SequenceExhausted;
            return this;
        }

        secrets.Schedule.Finish();
        return new ClientConnected(verified, secrets, hash, records, draft);
    }

    public override void Dispose()
    {
        secrets.Dispose();
        clientSecret.Dispose();
        serverSecret.Dispose();
    }

    private bool TrySendFinished(ReadOnlySpan<byte> transcriptHash, RecordLayer records)
    {
        Span<byte> buffer = stackalloc byte[HandshakeMessage.HeaderLength + TlsHashes.MaxLength];
        var writer = new WireWriter(buffer);
        WireWriter.Mark finished = writer.BeginMessage(HandshakeType.Finished);
        secrets.Schedule.ComputeFinished(clientSecret.Span, transcriptHash, writer.Reserve(transcriptHash.Length));
        writer.EndVector(finished);
        secrets.Transcript.Append(writer.Written);
        return records.TryWriteHandshake(writer.Written);
    }
}
