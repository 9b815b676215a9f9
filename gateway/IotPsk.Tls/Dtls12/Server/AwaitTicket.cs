using IotPsk.Tls.Dtls;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Server;
using IotPsk.Tls.Tls12.Server;

namespace IotPsk.Tls.Dtls12.Server;

/// <summary>The hello offers a session of this server; the owner says whether it is resumed. If not, a whole handshake follows.</summary>
internal sealed class AwaitTicket(PskTlsServerOptions options, RetainedHello hello, ServerNegotiation negotiation, byte[] ticket) : DtlsState
{
    private readonly Tls12.Server.AwaitTicket _question = new(options, hello, negotiation, ticket, TlsProtocol.Dtls12);

    public override IPskQuestion Question => _question;

    public override bool CanContinue => _question.CanContinue;

    public override int MaxBodyLength(HandshakeType type) => -1;

    public override DtlsState Continue(DtlsHandshake records, out TlsErrorReason error)
    {
        error = _question.HasFailed ? TlsErrorReason.PskLookupFailed : TlsErrorReason.None;
        if (error != TlsErrorReason.None)
            return this;
        return _question.ResumedSecret is { } secret
            ? ServerFlight.Resume(hello.Message, hello.Fields, negotiation, _question.ResumedSuite!, secret, options, records, out error) ?? this
            : ServerFlight.Send(hello.Message, hello.Fields, negotiation, options, records);
    }

    public override void Dispose() => _question.Dispose();
}
