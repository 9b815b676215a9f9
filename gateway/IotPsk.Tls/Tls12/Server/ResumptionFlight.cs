using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Tls12.Server;

/// <summary>The abbreviated handshake (RFC 5246 s7.3, RFC 5077 s3.1): ServerHello, change_cipher_spec and the server's Finished at once.</summary>
internal static class ResumptionFlight
{
    public static HandshakeState? Send(
        ReadOnlySpan<byte> message, in ClientHello hello, in ServerNegotiation negotiation, PskTlsServerOptions options, Tls12Suite suite, ReadOnlySpan<byte> masterSecret,
        RecordLayer records, out TlsErrorReason error)
    {
        Tls12Handshake? handshake = ServerHelloFlight.Begin(message, hello, options, negotiation, suite, records.Crypto);
        handshake.Transcript.Append(message);
        try
        {
            handshake.SetMaster(MasterSecret.Resume(records.Crypto, masterSecret));
            handshake.Group = NamedGroup.None;
            handshake.IsResumed = true;

            // RFC 7627 s5.3: the session had the extension, so a hello without it ends the handshake.
            error = handshake.ExtendedMasterSecret ? TlsErrorReason.None : TlsErrorReason.ExtendedMasterSecretMissing;
            if (error != TlsErrorReason.None)
                return null;
            byte[] sessionId = hello.SessionId.Of(message).ToArray();
            handshake.CachedSessionId = hello.SessionTicket is { IsPresent: true, Length: > 0 } ? [] : sessionId;

            // RFC 5077 s3.4: the client's id comes back, whatever it is.
            error = SendServerHello(handshake, sessionId, negotiation, options, records);
            (Tls12Protection client, Tls12Protection server) = handshake.DeriveKeys();
            if (error == TlsErrorReason.None && !handshake.TrySendFinished(ofClient: false, server, records))
                error = TlsErrorReason.SequenceExhausted;
            return new ExpectResumedChangeCipherSpec(HandshakeSecrets.Take(ref handshake), client);
        }
        finally
        {
            handshake?.Dispose();
        }
    }

    private static TlsErrorReason SendServerHello(
        Tls12Handshake handshake, ReadOnlySpan<byte> sessionId, in ServerNegotiation negotiation, PskTlsServerOptions options, RecordLayer records)
    {
        Span<byte> buffer = stackalloc byte[ServerHelloFlight.MaxHelloLength];
        var writer = new WireWriter(buffer);
        ServerHelloFlight.WriteServerHello(ref writer, handshake, sessionId, announcesTicket: false, options, negotiation with { PointFormats = false });
        handshake.Transcript.Append(writer.Written);
        return records.TryWriteHandshake(writer.Written) ? TlsErrorReason.None : TlsErrorReason.SequenceExhausted;
    }
}
