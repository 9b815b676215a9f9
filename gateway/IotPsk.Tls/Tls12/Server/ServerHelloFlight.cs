using IotPsk.Tls.Crypto;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Server;
using IotPsk.Tls.Tickets;
using IotPsk.Tls.Tls12.Messages;

namespace IotPsk.Tls.Tls12.Server;

/// <summary>The answer to a ClientHello of TLS 1.2: ServerHello, ServerKeyExchange where there is something to say, ServerHelloDone.</summary>
internal static class ServerHelloFlight
{
    /// <summary>An application protocol and a connection id have at most 255 bytes.</summary>
    public const int MaxHelloLength = ServerHello.MaxLength + 255 + 5 + ConnectionId.MaxLength;

    public const int MaxLength = MaxHelloLength + HandshakeMessage.HeaderLength + ServerKeyExchange.MaxBodyLength + HandshakeMessage.HeaderLength;

    /// <summary>Takes a ClientHello that cannot be answered by TLS 1.3.</summary>
    /// <param name="message">The hello.</param>
    /// <param name="hello">Its fields.</param>
    /// <param name="options">The server's options.</param>
    /// <param name="records">Gets the flight.</param>
    /// <param name="error">Why there is no flight.</param>
    public static HandshakeState? Answer(ReadOnlySpan<byte> message, in ClientHello hello, PskTlsServerOptions options, RecordLayer records, out TlsErrorReason error)
    {
        records.BeginTls12();
        error = Tls12HelloRules.Check(message, hello, options, records.Crypto, out ServerNegotiation negotiation);
        if (error != TlsErrorReason.None)
            return null;
        SetLimits(negotiation, options, records);
        ReadOnlyMemory<byte> ticket = FindTicket(message, hello, options);
        return ticket.IsEmpty
            ? Send(message, hello, negotiation, options, records, out error)
            : new AwaitTicket(options, new RetainedHello(message, hello), negotiation, ticket.ToArray());
    }

    /// <summary>A whole handshake.</summary>
    public static HandshakeState? Send(
        ReadOnlySpan<byte> message, in ClientHello hello, in ServerNegotiation negotiation, PskTlsServerOptions options, RecordLayer records, out TlsErrorReason error)
    {
        Tls12Handshake? handshake = Begin(message, hello, options, negotiation, negotiation.Suite, records.Crypto);
        handshake.Transcript.Append(message);
        try
        {
            var issue = SessionIssue.Plan(hello, options, handshake);
            error = Send(handshake, issue, options, negotiation, records);
            return error == TlsErrorReason.None ? new ExpectClientKeyExchange(HandshakeSecrets.Take(ref handshake), issue) : null;
        }
        finally
        {
            handshake?.Dispose();
        }
    }

    /// <summary>What may be a session of this server: a ticket goes before the session id (RFC 5077 s3.4).</summary>
    public static ReadOnlyMemory<byte> FindTicket(ReadOnlySpan<byte> message, in ClientHello hello, PskTlsServerOptions options)
    {
        if (options.Tickets is not { } tickets)
            return default;
        if (hello.SessionTicket.Length > 0)
        {
            ReadOnlySpan<byte> ticket = hello.SessionTicket.Of(message);
            return TicketSeal.IsTicket(ticket) ? ticket.ToArray() : default;
        }

        return hello.SessionId.Length > 0 && tickets.SessionCache is { } cache && cache.TryFind(hello.SessionId.Of(message), out ReadOnlyMemory<byte> kept) ? kept : default;
    }

    private static void SetLimits(in ServerNegotiation negotiation, PskTlsServerOptions options, RecordLayer records)
    {
        if (negotiation.RecordSizeLimit != 0)
            records.LimitContent(options.RecordSizeLimit, negotiation.RecordSizeLimit);
        if (negotiation.MaxFragmentLength == 0)
            return;

        // RFC 6066 s4: at once, and for both sides.
        records.LimitContent(negotiation.MaxFragmentLength, negotiation.MaxFragmentLength);
        records.LimitPlainContent(negotiation.MaxFragmentLength);
    }

    /// <summary>A handshake, before its ClientHello is in the transcript.</summary>
    public static Tls12Handshake Begin(
        ReadOnlySpan<byte> message, in ClientHello hello, PskTlsServerOptions options, in ServerNegotiation negotiation, Tls12Suite suite, CryptoProvider crypto,
        TlsProtocol protocol = TlsProtocol.Tls12)
    {
        var handshake = new Tls12Handshake(crypto, suite)
        {
            Protocol = protocol,
            Group = negotiation.Group,
            ExtendedMasterSecret = negotiation.ExtendedMasterSecret,
            ApplicationProtocol = negotiation.ApplicationProtocol,
            KeyLog = options.KeyLog,
            Cache = options.Tickets?.SessionCache,
        };
        hello.Random.Of(message).CopyTo(handshake.ClientRandom);
        ServerRandom.FillTls12(crypto, handshake.ServerRandom, knowsTls13: options.AllowTls13);
        return handshake;
    }

    private static TlsErrorReason Send(Tls12Handshake handshake, SessionIssue? issue, PskTlsServerOptions options, in ServerNegotiation negotiation, RecordLayer records)
    {
        Span<byte> buffer = stackalloc byte[MaxLength];
        var writer = new WireWriter(buffer);
        Write(ref writer, handshake, issue, options, negotiation);
        handshake.Transcript.Append(writer.Written);
        return records.TryWriteHandshake(writer.Written) ? TlsErrorReason.None : TlsErrorReason.SequenceExhausted;
    }

    /// <summary>All messages of the flight; ECDHE_PSK gets its key.</summary>
    public static void Write(ref WireWriter writer, Tls12Handshake handshake, SessionIssue? issue, PskTlsServerOptions options, in ServerNegotiation negotiation)
    {
        WriteServerHello(ref writer, handshake, issue?.SessionId, issue is { AnnouncesTicket: true }, options, negotiation);
        if (handshake.UsesEcdhe)
            handshake.Key = handshake.Crypto.CreateKeyAgreement(handshake.Group);

        // RFC 4279 s2: without a hint the message is left out; RFC 5489 s2: with ECDHE it always comes.
        if (handshake.UsesEcdhe || !options.PskIdentityHint.IsEmpty)
            ServerKeyExchange.Write(ref writer, options.PskIdentityHint.Span, handshake.Key);
        writer.EndVector(writer.BeginMessage(HandshakeType.ServerHelloDone));
    }

    public static void WriteServerHello(
        ref WireWriter writer, Tls12Handshake handshake, ReadOnlySpan<byte> sessionId, bool announcesTicket, PskTlsServerOptions options, in ServerNegotiation negotiation)
    {
        WireWriter.Mark message = writer.BeginMessage(HandshakeType.ServerHello);
        ServerHello.WriteFields(ref writer, handshake.ServerRandom, sessionId, handshake.Suite.Suite, handshake.Protocol);
        WireWriter.Mark extensions = writer.BeginVector(2);
        if (negotiation.RenegotiationInfo)
            RenegotiationInfo.Write(ref writer);
        if (negotiation.ExtendedMasterSecret)
            ExtendedMasterSecret.Write(ref writer);
        if (announcesTicket)
            SessionIssue.WriteExtension(ref writer);
        if (negotiation.PointFormats)
            EcPointFormats.Write(ref writer);

        // RFC 8449 s4: not above what TLS 1.2 allows.
        if (negotiation.RecordSizeLimit != 0)
            RecordSizeLimit.Write(ref writer, Math.Min(options.RecordSizeLimit, RecordHeader.MaxPlaintext));
        if (negotiation.MaxFragmentLength != 0)
            MaxFragmentLength.Write(ref writer, negotiation.MaxFragmentLength);
        if (!negotiation.ApplicationProtocol.IsEmpty)
            ApplicationProtocols.Write(ref writer, negotiation.ApplicationProtocol);
        if (negotiation.ConnectionId is { } id)
            ConnectionId.Write(ref writer, id.Span);
        writer.EndVector(extensions);
        writer.EndVector(message);
    }
}
