using IotPsk.Tls.Extensions;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Server;

/// <summary>The request for another key share (RFC 8446 s4.1.4).</summary>
internal static class HelloRetryRequest
{
    public static TlsErrorReason Send(
        HandshakeSecrets secrets, ReadOnlySpan<byte> helloMessage, in ClientHello hello, in Negotiation negotiation, RecordLayer records)
    {
        ReadOnlySpan<byte> sessionId = hello.SessionId.Of(helloMessage);
        Span<byte> buffer = stackalloc byte[ServerHello.MaxLength];
        var writer = new WireWriter(buffer);
        WireWriter.Mark message = writer.BeginMessage(HandshakeType.ServerHello);
        ServerHello.WriteFields(ref writer, ServerHello.RetryRandom, sessionId, negotiation.Suite!.Suite);
        WireWriter.Mark extensions = writer.BeginVector(2);
        SupportedVersions.WriteSelection(ref writer);
        WireWriter.Mark share = writer.BeginExtension(ExtensionType.KeyShare);
        writer.WriteUInt16((ushort)negotiation.Group);
        writer.EndVector(share);
        writer.EndVector(extensions);
        writer.EndVector(message);

        secrets.Transcript.ReplaceByMessageHash();
        secrets.Transcript.Append(writer.Written);
        if (!records.TryWriteHandshake(writer.Written))
            return TlsErrorReason.SequenceExhausted;

        // RFC 8446 sD.4: after the first message of the server, if the client wants the compatibility mode.
        if (!sessionId.IsEmpty)
            records.WriteChangeCipherSpec();

        // RFC 8446 s4.2.10: early data is skipped until the second hello.
        records.SkipEarlyData(hello.HasEarlyData ? RecordLayer.MaxEarlyDataSkipped : 0);
        return TlsErrorReason.None;
    }
}
