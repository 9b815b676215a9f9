using IotPsk.Tls.Extensions;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tickets;
using IotPsk.Tls.Tls12.Messages;

namespace IotPsk.Tls.Tls12.Server;

/// <summary>What a server does so that the session can be resumed: a ticket, or a place in the owner's cache for clients without tickets.</summary>
internal sealed class SessionIssue
{
    /// <summary>The longest message of <see cref="Finish"/>.</summary>
    public const int MaxMessageLength = Tls12NewSessionTicket.Overhead + TicketSeal.MaxLength;

    private readonly TicketOptions _options;
    private readonly bool _bySessionId;

    private SessionIssue(TicketOptions options, bool bySessionId)
    {
        _options = options;
        _bySessionId = bySessionId;
    }

    /// <summary>The id of a session that is to be cached, else empty.</summary>
    public byte[] SessionId { get; private init; } = [];

    /// <summary>RFC 5077 s3.2: the ServerHello announces a ticket.</summary>
    public bool AnnouncesTicket => !_bySessionId;

    /// <summary>Null if the session is not to be resumed: resumption of ECDHE_PSK would undo its forward secrecy, and RFC 7627 s5.4 warns of sessions without its extension.</summary>
    public static SessionIssue? Plan(in ClientHello hello, PskTlsServerOptions options, Tls12Handshake handshake)
    {
        if (options.Tickets is not { } tickets || handshake.UsesEcdhe || !handshake.ExtendedMasterSecret)
            return null;
        if (hello.SessionTicket.IsPresent)
            return tickets.Count > 0 ? new SessionIssue(tickets, bySessionId: false) : null;
        if (tickets.SessionCache is null)
            return null;
        byte[] sessionId = new byte[ClientHello.MaxSessionIdLength];
        handshake.Crypto.FillRandom(sessionId);
        return new SessionIssue(tickets, bySessionId: true) { SessionId = sessionId };
    }

    public static void WriteExtension(ref WireWriter writer) => writer.EndVector(writer.BeginExtension(ExtensionType.SessionTicket));

    /// <summary>Sends or keeps the sealed session.</summary>
    /// <param name="handshake">The client's Finished is verified.</param>
    /// <param name="terms">What the owner said.</param>
    /// <param name="records">Gets the message.</param>
    /// <param name="issued">How many tickets were sent.</param>
    /// <returns>False if the message could not be queued.</returns>
    public bool TryFinish(Tls12Handshake handshake, in PskTerms terms, RecordLayer records, out int issued)
    {
        Span<byte> buffer = stackalloc byte[MaxMessageLength];
        var writer = new WireWriter(buffer);
        issued = Finish(handshake, terms, ref writer);
        if (writer.Position == 0)
            return true;
        handshake.Transcript.Append(writer.Written);
        return records.TryWriteHandshake(writer.Written);
    }

    /// <summary>Keeps the sealed session, or writes the message that brings it to the client.</summary>
    /// <returns>How many tickets are in the message.</returns>
    public int Finish(Tls12Handshake handshake, in PskTerms terms, ref WireWriter writer)
    {
        Span<byte> sealedSession = stackalloc byte[TicketSeal.MaxLength];
        int length = terms.IssueTickets ? Seal(handshake, terms, sealedSession) : 0;
        ReadOnlySpan<byte> ticket = sealedSession[..length];
        if (_bySessionId)
        {
            if (length > 0)
                _options.SessionCache!.Add(SessionId, ticket);
            return 0;
        }

        // RFC 5077 s3.3: what was announced is sent, if only without a ticket in it.
        Tls12NewSessionTicket.Write(ref writer, length > 0 ? _options.LifetimeSeconds : 0, ticket);
        return length > 0 ? 1 : 0;
    }

    private int Seal(Tls12Handshake handshake, in PskTerms terms, Span<byte> destination)
    {
        using var contents = new SessionTicket(handshake.Master!.Bytes, terms.TicketPayload.Span)
        {
            IssuedAt = terms.Now,
            ChainStart = terms.Now,
            Version = handshake.Protocol,
            KeyExchangeMode = handshake.Suite.Mode,
            Hash = Tls12Suite.Hash,
            CipherSuite = handshake.Suite.Suite,
        };
        return TicketSeal.Seal(handshake.Crypto, _options.Keys, contents, destination);
    }
}
