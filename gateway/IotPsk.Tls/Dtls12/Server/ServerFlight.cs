using IotPsk.Tls.Crypto;
using IotPsk.Tls.Dtls;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Tls12;
using IotPsk.Tls.Tls12.Server;

namespace IotPsk.Tls.Dtls12.Server;

/// <summary>The answer to a ClientHello (RFC 6347 s4.2.4, flight 4), of a whole handshake or of an abbreviated one.</summary>
internal static class ServerFlight
{
    /// <summary>ServerHello, ServerKeyExchange where there is something to say, ServerHelloDone.</summary>
    public static DtlsState Send(ReadOnlySpan<byte> message, in ClientHello hello, in ServerNegotiation negotiation, PskTlsServerOptions options, DtlsHandshake records)
    {
        Tls12Handshake? handshake = Begin(message, hello, negotiation, negotiation.Suite, options, records);
        try
        {
            var issue = SessionIssue.Plan(hello, options, handshake);
            Span<byte> buffer = stackalloc byte[ServerHelloFlight.MaxLength];
            var writer = new WireWriter(buffer);
            ServerHelloFlight.Write(ref writer, handshake, issue, options, negotiation);
            records.BeginFlight();
            records.Send(writer.Written, handshake.Transcript);
            return new ExpectClientKeyExchange(HandshakeSecrets.Take(ref handshake), issue);
        }
        finally
        {
            handshake?.Dispose();
        }
    }

    /// <summary>The abbreviated handshake (RFC 5246 s7.3, RFC 5077 s3.1): ServerHello, change_cipher_spec and the server's Finished at once. Null with the error.</summary>
    public static DtlsState? Resume(
        ReadOnlySpan<byte> message, in ClientHello hello, in ServerNegotiation negotiation, Tls12Suite suite, SecretBuffer masterSecret, PskTlsServerOptions options,
        DtlsHandshake records, out TlsErrorReason error)
    {
        Tls12Handshake? handshake = Begin(message, hello, negotiation, suite, options, records);
        try
        {
            handshake.SetMaster(MasterSecret.Resume(records.Crypto, masterSecret.Span));
            handshake.Group = NamedGroup.None;
            handshake.IsResumed = true;

            // RFC 7627 s5.3: the session had the extension, so a hello without it ends the handshake.
            error = handshake.ExtendedMasterSecret ? TlsErrorReason.None : TlsErrorReason.ExtendedMasterSecretMissing;
            if (error != TlsErrorReason.None)
                return null;
            ReadOnlySpan<byte> sessionId = hello.SessionId.Of(message);
            handshake.CachedSessionId = hello.SessionTicket is { IsPresent: true, Length: > 0 } ? [] : sessionId.ToArray();

            // RFC 5077 s3.4: the client's id comes back, whatever it is.
            Span<byte> buffer = stackalloc byte[ServerHelloFlight.MaxHelloLength];
            var writer = new WireWriter(buffer);
            ServerHelloFlight.WriteServerHello(ref writer, handshake, sessionId, announcesTicket: false, options, negotiation with { PointFormats = false });
            records.BeginFlight();
            records.Send(writer.Written, handshake.Transcript);
            records.InstallKeys(handshake, isServer: true);
            records.SendFinished(handshake, ofClient: false);
            return new ExpectResumedFinished(HandshakeSecrets.Take(ref handshake));
        }
        finally
        {
            handshake?.Dispose();
        }
    }

    private static Tls12Handshake Begin(
        ReadOnlySpan<byte> message, in ClientHello hello, in ServerNegotiation negotiation, Tls12Suite suite, PskTlsServerOptions options, DtlsHandshake records)
    {
        Tls12Handshake handshake = ServerHelloFlight.Begin(message, hello, options, negotiation, suite, records.Crypto, TlsProtocol.Dtls12);

        // RFC 6347 s4.2.1: a hello without the right cookie, and what answered it, are not in the transcript.
        DtlsTranscript.Append(handshake.Transcript, message, records.MessageSequence);
        return handshake;
    }
}
