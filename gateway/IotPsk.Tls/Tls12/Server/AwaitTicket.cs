using IotPsk.Tls.Crypto;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Server;
using IotPsk.Tls.Tickets;

namespace IotPsk.Tls.Tls12.Server;

/// <summary>The hello offers a session of this server; the owner says whether it is resumed. If not, a whole handshake follows.</summary>
internal sealed class AwaitTicket(
    PskTlsServerOptions options, RetainedHello hello, ServerNegotiation negotiation, byte[] ticket, TlsProtocol protocol = TlsProtocol.Tls12) : HandshakeState, IPskQuestion
{
    private Answer _answer;
    private SecretBuffer? _secret;
    private Tls12Suite? _suite;

    private enum Answer
    {
        None,
        Resumed,
        Refused,
        Failed,
    }

    public override PskTlsStatus Waits => PskTlsStatus.NeedsPsk;

    public override bool CanContinue => _answer != Answer.None;

    /// <summary>The owner's lookup failed.</summary>
    public bool HasFailed => _answer == Answer.Failed;

    /// <summary>The secret of the session that the owner resumes, and its suite; null if it refused.</summary>
    public SecretBuffer? ResumedSecret => _answer == Answer.Resumed ? _secret : null;

    public Tls12Suite? ResumedSuite => _suite;

    public TlsProtocol Protocol => protocol;

    public int IdentityCount => 1;

    public ReadOnlySpan<byte> ClientRandom => hello.Fields.Random.Of(hello.Message);

    /// <summary>Not made yet.</summary>
    public ReadOnlySpan<byte> ServerRandom => default;

    public ReadOnlySpan<byte> Identity(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(index, 0);
        return ticket;
    }

    public bool HasCipherSuite(TlsHash hash, CryptoProvider crypto) => true;

    public TicketStatus OpenTicket(int index, long now, CryptoProvider crypto, out SessionTicket? ticket)
    {
        TicketStatus status = TicketSeal.Open(crypto, options.Tickets!.Keys, Identity(index), out ticket);
        if (status == TicketStatus.Good)
            status = Judge(ticket!, now, crypto);
        if (status == TicketStatus.Good)
            return status;
        ticket?.Dispose();
        ticket = null;
        return status;
    }

    /// <summary>Only the opened ticket is an answer; a key of an owner who takes the ticket for an identity refuses it.</summary>
    public void Provide(int index, ReadOnlySpan<byte> psk, PskBinder binder, TlsHash hash, in PskTerms terms, long chainStart)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(index, 0);
        Require();
        if (binder != PskBinder.Resumption || psk.Length != MasterSecret.Length || _suite is null)
        {
            _answer = Answer.Refused;
            return;
        }

        _secret = new SecretBuffer(psk);
        _answer = Answer.Resumed;
    }

    public void Reject()
    {
        Require();
        _answer = Answer.Refused;
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
            case Answer.Resumed:
                return ResumptionFlight.Send(hello.Message, hello.Fields, negotiation, options, _suite!, _secret!.Span, records, out error) ?? this;
            case Answer.Refused:
                return ServerHelloFlight.Send(hello.Message, hello.Fields, negotiation, options, records, out error) ?? this;
            default:
                error = TlsErrorReason.PskLookupFailed;
                return this;
        }
    }

    public override void Dispose()
    {
        hello.Dispose();
        _secret?.Dispose();
    }

    private TicketStatus Judge(SessionTicket opened, long now, CryptoProvider crypto)
    {
        TicketStatus status = TicketRules.CheckAge(opened, options.Tickets!, now);
        if (status != TicketStatus.Good)
            return status;
        if (opened.Version != protocol)
            return TicketStatus.OtherMode;

        // RFC 5246 s7.4.1.2: the suite of the session is among those offered; and it is still accepted.
        _suite = null;
        bool fits = Tls12HelloRules.Accepts(hello.Message, hello.Fields, options, crypto, opened.CipherSuite) && Tls12Suite.TryGet(opened.CipherSuite, out _suite);
        return fits ? TicketStatus.Good : TicketStatus.NoCipherSuite;
    }

    private void Require()
    {
        if (_answer != Answer.None)
            throw new InvalidOperationException("the PSK request is answered already");
    }
}
