using System.Security.Cryptography;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tickets;

namespace IotPsk.Tls.Server;

/// <summary>ServerHello, EncryptedExtensions and Finished: the whole answer of the server.</summary>
internal static class ServerFlight
{
    /// <summary>EncryptedExtensions (an application protocol has at most 255 bytes) and Finished.</summary>
    private const int MaxProtectedLength = 512;

    /// <param name="verified">Nothing is answered to a client that does not know its key.</param>
    /// <param name="owned">Dropped here.</param>
    /// <param name="helloMessage">The hello that is answered.</param>
    /// <param name="hello">Its fields.</param>
    /// <param name="options">The server's options.</param>
    /// <param name="negotiation">What is settled.</param>
    /// <param name="selectedIdentity">The identity's place in this hello.</param>
    /// <param name="records">Gets the flight and the keys.</param>
    /// <param name="error">Why there is no flight.</param>
    public static HandshakeState Send(
        BinderVerified verified, HandshakeSecrets owned, ReadOnlySpan<byte> helloMessage, in ClientHello hello, PskTlsServerOptions options, in Negotiation negotiation,
        int selectedIdentity, RecordLayer records, out TlsErrorReason error)
    {
        using HandshakeSecrets secrets = owned;
        error = SendServerHello(secrets, helloMessage, hello, negotiation, selectedIdentity, records);
        if (error != TlsErrorReason.None)
            return Over.Instance;

        int length = secrets.Hash.Length();
        Span<byte> hash = stackalloc byte[length];
        Span<byte> clientSecret = stackalloc byte[length];
        Span<byte> serverSecret = stackalloc byte[length];
        secrets.Transcript.Snapshot(hash);
        secrets.Schedule.DeriveSecret("c hs traffic"u8, hash, clientSecret);
        secrets.Schedule.DeriveSecret("s hs traffic"u8, hash, serverSecret);
        ReadOnlySpan<byte> random = hello.Random.Of(helloMessage);
        KeyLogLine.Write(options.KeyLog, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", random, clientSecret);
        KeyLogLine.Write(options.KeyLog, "SERVER_HANDSHAKE_TRAFFIC_SECRET", random, serverSecret);
        records.ProtectWrites(new RecordProtection(records.Crypto, negotiation.Suite!, serverSecret));
        records.ProtectReads(new RecordProtection(records.Crypto, negotiation.Suite!, clientSecret));
        if (!SendProtectedMessages(secrets, serverSecret, hello, options, negotiation, records))
            error = TlsErrorReason.SequenceExhausted;

        ServerSecrets kept = SetDataKeys(secrets, clientSecret, serverSecret, random, options, negotiation, records);
        CryptographicOperations.ZeroMemory(clientSecret);
        CryptographicOperations.ZeroMemory(serverSecret);
        if (hello.RecordSizeLimit != 0)
            records.OwnRecordSizeLimit = options.RecordSizeLimit;
        return new ExpectFinished(verified, kept, negotiation);
    }

    /// <summary>From the traffic secrets of the handshake to those of data; the client's has to wait for its Finished.</summary>
    private static ServerSecrets SetDataKeys(
        HandshakeSecrets secrets, Span<byte> clientSecret, Span<byte> serverSecret, ReadOnlySpan<byte> random, PskTlsServerOptions options,
        in Negotiation negotiation, RecordLayer records)
    {
        // RFC 8446 s4.4.1: without client certificates the client's Finished is already determined by what has been sent.
        Span<byte> hash = stackalloc byte[clientSecret.Length];
        secrets.Transcript.Snapshot(hash);
        var expected = new SecretBuffer(hash.Length);
        secrets.Schedule.ComputeFinished(clientSecret, hash, expected.Span);
        secrets.Schedule.Finish();
        secrets.Schedule.DeriveSecret("s ap traffic"u8, hash, serverSecret);
        secrets.Schedule.DeriveSecret("c ap traffic"u8, hash, clientSecret);
        var exporter = new SecretBuffer(hash.Length);
        secrets.Schedule.DeriveSecret("exp master"u8, hash, exporter.Span);
        KeyLogLine.Write(options.KeyLog, "CLIENT_TRAFFIC_SECRET_0", random, clientSecret);
        KeyLogLine.Write(options.KeyLog, "SERVER_TRAFFIC_SECRET_0", random, serverSecret);
        KeyLogLine.Write(options.KeyLog, "EXPORTER_SECRET", random, exporter.Span);
        records.ProtectWrites(new RecordProtection(records.Crypto, negotiation.Suite!, serverSecret));
        return new ServerSecrets(expected, new SecretBuffer(clientSecret), exporter, PrepareTickets(secrets, expected.Span, options, negotiation));
    }

    private static PendingTickets? PrepareTickets(HandshakeSecrets secrets, ReadOnlySpan<byte> clientFinished, PskTlsServerOptions options, in Negotiation negotiation)
    {
        if (options.Tickets is not { Count: > 0 } tickets || !negotiation.Terms.IssueTickets)
            return null;

        // The resumption secret is over the client's Finished too (RFC 8446 s7.1).
        Span<byte> buffer = stackalloc byte[HandshakeMessage.HeaderLength + TlsHashes.MaxLength];
        var writer = new WireWriter(buffer);
        WireWriter.Mark finished = writer.BeginMessage(HandshakeType.Finished);
        writer.WriteBytes(clientFinished);
        writer.EndVector(finished);
        secrets.Transcript.Append(writer.Written);
        Span<byte> hash = stackalloc byte[clientFinished.Length];
        secrets.Transcript.Snapshot(hash);
        var resumption = new SecretBuffer(hash.Length);
        secrets.Schedule.DeriveSecret("res master"u8, hash, resumption.Span);
        return new PendingTickets(resumption, tickets, negotiation);
    }

    private static TlsErrorReason SendServerHello(
        HandshakeSecrets secrets, ReadOnlySpan<byte> helloMessage, in ClientHello hello, in Negotiation negotiation, int selectedIdentity, RecordLayer records)
    {
        ReadOnlySpan<byte> sessionId = hello.SessionId.Of(helloMessage);
        Span<byte> buffer = stackalloc byte[ServerHello.MaxLength];
        Span<byte> random = stackalloc byte[ClientHello.RandomLength];
        ServerRandom.Fill(secrets.Crypto, random);
        var writer = new WireWriter(buffer);
        WireWriter.Mark message = writer.BeginMessage(HandshakeType.ServerHello);
        ServerHello.WriteFields(ref writer, random, sessionId, negotiation.Suite!.Suite);
        WireWriter.Mark extensions = writer.BeginVector(2);
        SupportedVersions.WriteSelection(ref writer);
        if (negotiation.Mode == PskKeyExchangeMode.PskKe)
        {
            secrets.Schedule.MixSharedSecret(default);
        }
        else if (!Agree(secrets, KeyShare.Find(hello.KeyShares.Of(helloMessage), negotiation.Group), negotiation.Group, ref writer))
        {
            // RFC 8446 s4.2.8.2, s7.4.2: a share off the curve or of low order.
            return TlsErrorReason.InvalidKeyShare;
        }

        PreSharedKey.WriteSelectedIdentity(ref writer, selectedIdentity);
        writer.EndVector(extensions);
        writer.EndVector(message);
        secrets.Transcript.Append(writer.Written);
        if (!records.TryWriteHandshake(writer.Written))
            return TlsErrorReason.SequenceExhausted;

        // RFC 8446 sD.4: once, after the first message of the server.
        if (!sessionId.IsEmpty && !negotiation.NeedsRetry)
            records.WriteChangeCipherSpec();
        return TlsErrorReason.None;
    }

    private static bool Agree(HandshakeSecrets secrets, ReadOnlySpan<byte> peerShare, NamedGroup group, ref WireWriter writer)
    {
        using KeyAgreement key = secrets.Crypto.CreateKeyAgreement(group);
        Span<byte> shared = stackalloc byte[KeyAgreement.SecretLength];
        if (!key.TryAgree(peerShare, shared))
            return false;
        secrets.Schedule.MixSharedSecret(shared);
        CryptographicOperations.ZeroMemory(shared);
        WireWriter.Mark extension = writer.BeginExtension(ExtensionType.KeyShare);
        KeyShare.WriteEntry(ref writer, key);
        writer.EndVector(extension);
        return true;
    }

    private static bool SendProtectedMessages(
        HandshakeSecrets secrets, ReadOnlySpan<byte> serverSecret, in ClientHello hello, PskTlsServerOptions options, in Negotiation negotiation, RecordLayer records)
    {
        Span<byte> buffer = stackalloc byte[MaxProtectedLength];
        var writer = new WireWriter(buffer);
        WireWriter.Mark encryptedExtensions = writer.BeginMessage(HandshakeType.EncryptedExtensions);
        WireWriter.Mark extensions = writer.BeginVector(2);

        // RFC 8449 s4: answered only if the client sent it.
        if (hello.RecordSizeLimit != 0)
            RecordSizeLimit.Write(ref writer, options.RecordSizeLimit);
        if (!negotiation.ApplicationProtocol.IsEmpty)
            ApplicationProtocols.Write(ref writer, negotiation.ApplicationProtocol);
        writer.EndVector(extensions);
        writer.EndVector(encryptedExtensions);
        secrets.Transcript.Append(writer.Written);
        WriteFinished(secrets, serverSecret, ref writer);
        return records.TryWriteHandshake(writer.Written);
    }

    private static void WriteFinished(HandshakeSecrets secrets, ReadOnlySpan<byte> serverSecret, ref WireWriter writer)
    {
        int start = writer.Position;
        Span<byte> hash = stackalloc byte[secrets.Hash.Length()];
        secrets.Transcript.Snapshot(hash);
        WireWriter.Mark finished = writer.BeginMessage(HandshakeType.Finished);
        secrets.Schedule.ComputeFinished(serverSecret, hash, writer.Reserve(hash.Length));
        writer.EndVector(finished);
        secrets.Transcript.Append(writer.Written[start..]);
    }
}
