using IotPsk.Tls.Dtls;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Server;
using IotPsk.Tls.Tls12.Server;

namespace IotPsk.Tls.Dtls12.Server;

/// <summary>Nothing is known of the client but that it receives at its address.</summary>
internal sealed class ExpectClientHello(PskDtlsServerOptions options) : DtlsState
{
    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.ClientHello ? Tls.Server.ExpectClientHello.MaxLength : -1;

    public override DtlsState Receive(in HandshakeMessage message, DtlsHandshake records, out TlsErrorReason error)
    {
        error = ClientHello.Parse(message.Bytes, datagram: true, out ClientHello hello);
        if (error == TlsErrorReason.None && !hello.OffersTls12)
            error = TlsErrorReason.NoCommonVersion;
        ServerNegotiation negotiation = default;
        if (error == TlsErrorReason.None)
            error = Tls12HelloRules.Check(message.Bytes, hello, options.Tls12, records.Crypto, out negotiation);
        if (error == TlsErrorReason.None)
            error = AgreeOnIds(message.Bytes, hello, records, ref negotiation);
        if (error != TlsErrorReason.None)
            return this;
        if (negotiation.RecordSizeLimit != 0)
            records.LimitContent(options.RecordSizeLimit, negotiation.RecordSizeLimit, plainToo: false);
        if (negotiation.MaxFragmentLength != 0)
            records.LimitContent(negotiation.MaxFragmentLength, negotiation.MaxFragmentLength, plainToo: true);
        ReadOnlyMemory<byte> ticket = ServerHelloFlight.FindTicket(message.Bytes, hello, options.Tls12);
        return ticket.IsEmpty
            ? ServerFlight.Send(message.Bytes, hello, negotiation, options.Tls12, records)
            : new AwaitTicket(options.Tls12, new RetainedHello(message.Bytes, hello), negotiation, ticket.ToArray());
    }

    public override void Dispose()
    {
    }

    /// <summary>RFC 9146 s3: answered only if offered. An id that would not leave room for records is treated as if it were not.</summary>
    private TlsErrorReason AgreeOnIds(ReadOnlySpan<byte> message, in ClientHello hello, DtlsHandshake records, ref ServerNegotiation negotiation)
    {
        if (!hello.ConnectionId.IsPresent || !options.AllowConnectionId)
            return TlsErrorReason.None;
        TlsErrorReason error = ConnectionId.Parse(hello.ConnectionId.Of(message), out ReadOnlySpan<byte> id);
        if (error != TlsErrorReason.None || !records.FitsDatagrams(id))
            return error;
        negotiation.ConnectionId = records.OfferedId;
        records.AgreeOnIds(records.OfferedId, id);
        return TlsErrorReason.None;
    }
}
