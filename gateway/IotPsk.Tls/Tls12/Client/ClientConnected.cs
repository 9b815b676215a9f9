using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tickets;

namespace IotPsk.Tls.Tls12.Client;

/// <summary>A server that proved to know the PSK, or the session's secret, and to have seen the same handshake.</summary>
internal sealed class ClientConnected : Tls12Connected, ITicketHolder
{
    private PskTlsTicket? _ticket;

    public ClientConnected(FinishedVerified verified, Tls12Handshake handshake, RecordLayer records)
        : base(verified, handshake, records) => _ticket = MakeTicket(handshake, Master);

    /// <summary>HelloRequest (RFC 5246 s7.4.1.1).</summary>
    protected override HandshakeType RenegotiationRequest => HandshakeType.HelloRequest;

    protected override int MaxRequestLength => 0;

    public PskTlsTicket? TakeTicket()
    {
        PskTlsTicket? ticket = _ticket;
        _ticket = null;
        return ticket;
    }

    public override void Dispose()
    {
        base.Dispose();
        _ticket?.Dispose();
    }

    /// <summary>
    /// RFC 5077 s3.3: only now the ticket counts. One of ECDHE_PSK is not kept, for resuming it would undo its forward secrecy, nor one without
    /// extended_master_secret (RFC 7627 s5.4).
    /// </summary>
    public static PskTlsTicket? MakeTicket(Tls12Handshake handshake, ReadOnlySpan<byte> secret)
    {
        if (!handshake.WantsTicket || handshake.UsesEcdhe || !handshake.ExtendedMasterSecret)
            return null;
        if (handshake.NewTicket.Length > 0)
            return new PskTlsTicket(handshake.NewTicket, isSessionId: false, secret, handshake.Suite, handshake.NewTicketLifetime, handshake.Protocol);
        return handshake.CachedSessionId.Length > 0 ? new PskTlsTicket(handshake.CachedSessionId, isSessionId: true, secret, handshake.Suite, 0, handshake.Protocol) : null;
    }
}
