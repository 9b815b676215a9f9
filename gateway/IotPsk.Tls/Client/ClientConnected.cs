using System.Security.Cryptography;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Schedule;
using IotPsk.Tls.Tickets;

namespace IotPsk.Tls.Client;

/// <summary>A server that proved to know the PSK. Only here the keys of data are set.</summary>
internal sealed class ClientConnected : Connected, ITicketHolder
{
    private readonly CipherSuiteParameters _suite;
    private readonly int _maxTickets;
    private SecretBuffer? _resumptionSecret;
    private Queue<PskTlsTicket>? _tickets;

    /// <param name="verified">Data is trusted only from a server that passed.</param>
    /// <param name="secrets">The schedule at its end, and the transcript with both Finished.</param>
    /// <param name="serverFinishedHash">The transcript's hash after the server's Finished.</param>
    /// <param name="records">Gets the keys.</param>
    /// <param name="draft">What was agreed.</param>
    public ClientConnected(FinishedVerified verified, HandshakeSecrets secrets, ReadOnlySpan<byte> serverFinishedHash, RecordLayer records, in ClientDraft draft)
        : base(verified, draft.Suite.Hash)
    {
        _suite = draft.Suite;
        _maxTickets = draft.Options.MaxTickets;
        SetKeys(secrets, serverFinishedHash, records, draft);
        records.EndHandshake();
        Session = new PskTlsSession
        {
            Version = TlsProtocol.Tls13,
            CipherSuite = draft.Suite.Suite,
            KeyExchangeMode = draft.Mode,
            Group = draft.Group,
            Binder = draft.Binder,
            IdentityIndex = draft.IdentityIndex,
            HandshakeBytesReceived = records.HandshakeBytesReceived,
            HandshakeBytesSent = records.HandshakeBytesSent,
            PeerRecordSizeLimit = records.PeerRecordSizeLimit,
            HelloRetried = draft.Retried,
            ApplicationProtocol = draft.ApplicationProtocol,
        };
    }

    public override PskTlsSession Session { get; }

    public override int MaxBodyLength(HandshakeType type) =>
        type == HandshakeType.NewSessionTicket ? NewSessionTicket.MaxBodyLength : base.MaxBodyLength(type);

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        if (message.Type != HandshakeType.NewSessionTicket)
            return base.Receive(message, records, out error);
        error = NewSessionTicket.Parse(message.Body, out NewSessionTicket ticket);
        if (error == TlsErrorReason.None && IsOneTooMany(records))
            error = TlsErrorReason.TooManyTickets;

        // RFC 8446 s4.6.1: a lifetime of 0 says to discard the ticket at once.
        if (error == TlsErrorReason.None && ticket.LifetimeSeconds > 0 && _resumptionSecret is not null)
            Keep(ticket, records.Crypto);
        return this;
    }

    /// <summary>The oldest ticket; the caller disposes it.</summary>
    public PskTlsTicket? TakeTicket() => _tickets is { Count: > 0 } ? _tickets.Dequeue() : null;

    public override void Dispose()
    {
        base.Dispose();
        _resumptionSecret?.Dispose();
        while (TakeTicket() is { } ticket)
            ticket.Dispose();
    }

    private void SetKeys(HandshakeSecrets secrets, ReadOnlySpan<byte> hash, RecordLayer records, in ClientDraft draft)
    {
        Span<byte> secret = stackalloc byte[hash.Length];
        secrets.Schedule.DeriveSecret("s ap traffic"u8, hash, secret);
        KeyLogLine.Write(draft.Options.KeyLog, "SERVER_TRAFFIC_SECRET_0", draft.ClientRandom, secret);
        records.ProtectReads(new RecordProtection(records.Crypto, _suite, secret));
        secrets.Schedule.DeriveSecret("c ap traffic"u8, hash, secret);
        KeyLogLine.Write(draft.Options.KeyLog, "CLIENT_TRAFFIC_SECRET_0", draft.ClientRandom, secret);
        records.ProtectWrites(new RecordProtection(records.Crypto, _suite, secret));
        secrets.Schedule.DeriveSecret("exp master"u8, hash, secret);
        KeyLogLine.Write(draft.Options.KeyLog, "EXPORTER_SECRET", draft.ClientRandom, secret);
        Keep(new SecretBuffer(secret));
        if (_maxTickets > 0)
        {
            // RFC 8446 s7.1: over the client's Finished too.
            Span<byte> finishedHash = stackalloc byte[hash.Length];
            secrets.Transcript.Snapshot(finishedHash);
            secrets.Schedule.DeriveSecret("res master"u8, finishedHash, secret);
            _resumptionSecret = new SecretBuffer(secret);
        }

        CryptographicOperations.ZeroMemory(secret);
    }

    private void Keep(in NewSessionTicket message, CryptoProvider crypto)
    {
        Span<byte> psk = stackalloc byte[_suite.Hash.Length()];
        HkdfLabel.Expand(crypto, _suite.Hash, datagram: false, _resumptionSecret!.Span, "resumption"u8, message.Nonce, psk);
        _tickets ??= new Queue<PskTlsTicket>(1);
        if (_tickets.Count == _maxTickets)
            _tickets.Dequeue().Dispose();
        _tickets.Enqueue(new PskTlsTicket(message, psk, _suite, Session.KeyExchangeMode));
        CryptographicOperations.ZeroMemory(psk);
        crypto.Wipe();
    }
}
