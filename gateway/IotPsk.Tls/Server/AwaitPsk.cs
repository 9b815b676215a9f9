using IotPsk.Tls.Crypto;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tickets;

namespace IotPsk.Tls.Server;

/// <summary>The hello is good; the owner looks up a key. A state, so that no thread waits for it.</summary>
internal sealed class AwaitPsk(PskTlsServerOptions options, RetainedHello hello, Negotiation negotiation) : HandshakeState, IPskQuestion
{
    /// <summary>How many identities the owner may look at; more would let one hello cost many lookups.</summary>
    public const int MaxIdentities = 4;

    private RetainedHello? _hello = hello;
    private Negotiation _negotiation = negotiation;
    private Answer _answer;
    private SecretBuffer? _psk;
    private TlsHash _hash;

    private enum Answer
    {
        None,
        Provided,
        Rejected,
        Failed,
    }

    public override PskTlsStatus Waits => PskTlsStatus.NeedsPsk;

    public override bool CanContinue => _answer != Answer.None;

    public TlsProtocol Protocol => TlsProtocol.Tls13;

    public ReadOnlySpan<byte> ClientRandom => _hello!.Fields.Random.Of(_hello.Message);

    public ReadOnlySpan<byte> ServerRandom => default;

    public int IdentityCount => Math.Min(_hello!.Fields.IdentityCount, MaxIdentities);

    public ReadOnlySpan<byte> Identity(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, IdentityCount);
        return PreSharedKey.Identity(_hello!.Fields.Identities.Of(_hello.Message), index);
    }

    /// <summary>Whether client and server share a suite of this hash.</summary>
    public bool HasCipherSuite(TlsHash hash, CryptoProvider crypto) =>
        ClientHelloRules.SelectSuite(_hello!.Message, _hello.Fields, options, crypto, hash, out _);

    /// <summary>Opens an identity that may be a ticket, and says whether it fits this hello.</summary>
    public TicketStatus OpenTicket(int index, long now, CryptoProvider crypto, out SessionTicket? ticket)
    {
        ReadOnlySpan<byte> identity = Identity(index);
        ticket = null;
        if (options.Tickets is not { } tickets)
            return TicketStatus.NotATicket;
        TicketStatus status = TicketSeal.Open(crypto, tickets.Keys, identity, out SessionTicket? opened);
        if (status == TicketStatus.Good)
            status = Judge(opened!, tickets, now, crypto);
        if (status == TicketStatus.Good)
            ticket = opened;
        else
            opened?.Dispose();
        return status;
    }

    public void Provide(int index, ReadOnlySpan<byte> psk, PskBinder binder, TlsHash hash, in PskTerms terms, long chainStart)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, IdentityCount);
        Require();
        _psk = new SecretBuffer(psk);
        _negotiation.IdentityIndex = index;
        _negotiation.Binder = binder;
        _negotiation.Terms = terms;
        _negotiation.ChainStart = chainStart;
        _hash = hash;
        _answer = Answer.Provided;
    }

    public void Reject()
    {
        Require();
        _answer = Answer.Rejected;
    }

    public void Fail()
    {
        Require();
        _answer = Answer.Failed;
    }

    public override int MaxBodyLength(HandshakeType type) => -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        error = TlsErrorReason.UnexpectedHandshakeMessage;
        return this;
    }

    public override HandshakeState Continue(RecordLayer records, out TlsErrorReason error)
    {
        switch (_answer)
        {
            case Answer.Provided:
                return UsePsk(records, out error);
            case Answer.Rejected:
                // RFC 8446 s6.2: decrypt_error, so that nobody learns which identities there are.
                CheckDummyBinder(records.Crypto);
                error = TlsErrorReason.NoUsablePsk;
                return this;
            default:
                error = TlsErrorReason.PskLookupFailed;
                return this;
        }
    }

    public override void Dispose()
    {
        _hello?.Dispose();
        _psk?.Dispose();
    }

    private TicketStatus Judge(SessionTicket ticket, TicketOptions tickets, long now, CryptoProvider crypto)
    {
        TicketStatus status = TicketRules.CheckAge(ticket, tickets, now);
        if (status != TicketStatus.Good)
            return status;
        if (ticket.Version != TlsProtocol.Tls13 || ticket.KeyExchangeMode != _negotiation.Mode)
            return TicketStatus.OtherMode;

        // RFC 8446 s4.2.11: a suite of the PSK's hash.
        return HasCipherSuite(ticket.Hash, crypto) ? TicketStatus.Good : TicketStatus.NoCipherSuite;
    }

    private void Require()
    {
        if (_answer != Answer.None)
            throw new InvalidOperationException("the PSK request is answered already");
    }

    private HandshakeState UsePsk(RecordLayer records, out TlsErrorReason error)
    {
        ReadOnlySpan<byte> message = _hello!.Message;
        ClientHello fields = _hello.Fields;

        // RFC 8446 s4.2.11: the suite's hash is the PSK's; so the PSK comes first.
        if (!ClientHelloRules.SelectSuite(message, fields, options, records.Crypto, _hash, out CipherSuiteParameters suite))
        {
            error = TlsErrorReason.NoCommonCipherSuite;
            return this;
        }

        _negotiation.Suite = suite;
        HandshakeSecrets? secrets = new(records.Crypto, _hash, _psk!.Span);
        try
        {
            // RFC 8446 s4.2.11: the binder is checked before anything is answered.
            BinderVerified? verified = BinderVerified.Check(secrets, _negotiation.Binder, message, fields, _negotiation.IdentityIndex);
            if (verified is null)
            {
                error = TlsErrorReason.BinderMismatch;
                return this;
            }

            if (!_negotiation.NeedsRetry)
                return ServerFlight.Send(verified, HandshakeSecrets.Take(ref secrets), message, fields, options, _negotiation, _negotiation.IdentityIndex, records, out error);

            error = HelloRetryRequest.Send(secrets, message, fields, _negotiation, records);
            return error != TlsErrorReason.None ? this : new ExpectSecondClientHello(
                verified, HandshakeSecrets.Take(ref secrets), options, HandshakeSecrets.Take(ref _hello), _negotiation);
        }
        finally
        {
            secrets?.Dispose();
        }
    }

    /// <summary>An unknown identity takes the same work as a wrong binder (RFC 8446 s6.2, decrypt_error in place of unknown_psk_identity).</summary>
    private void CheckDummyBinder(CryptoProvider crypto)
    {
        ClientHello fields = _hello!.Fields;
        ReadOnlySpan<byte> message = _hello.Message;
        int length = PreSharedKey.Binder(fields.Binders.Of(message), 0).Length;
        Span<byte> noKey = stackalloc byte[32];
        crypto.FillRandom(noKey);
        using var secrets = new HandshakeSecrets(crypto, length == TlsHash.Sha384.Length() ? TlsHash.Sha384 : TlsHash.Sha256, noKey);
        BinderVerified.Check(secrets, PskBinder.External, message, fields, 0);
    }
}
