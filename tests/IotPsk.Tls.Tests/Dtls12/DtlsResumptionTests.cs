using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Dtls12;

public class DtlsResumptionTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_session_is_resumed_in_one_round_trip_after_the_cookie(bool bySessionId)
    {
        using var tickets = new DtlsTickets();
        using PskTlsTicket ticket = tickets.Earn(bySessionId);
        Assert.Equal(TlsProtocol.Dtls12, ticket.Version);
        tickets.Seen.Clear();
        using VirtualLink link = tickets.Make(DtlsTickets.Client(ticket: ticket), clientId: [1], serverId: [2, 3]);
        link.Connect();

        // Hello, request, hello, server's flight, client's Finished.
        Assert.Equal(5, link.Datagrams);
        Assert.Equal([TicketStatus.Good], tickets.Seen);
        Assert.Equal((PskBinder.Resumption, PskBinder.Resumption), (link.Client.Session!.Binder, link.Server!.Session!.Binder));
        Assert.Equal([2, 3], link.Client.PeerConnectionId.ToArray());
        link.Exchange();
    }

    [Fact]
    public void A_ticket_in_a_hello_without_extended_master_secret_ends_with_an_alert_that_the_client_can_read()
    {
        using var tickets = new DtlsTickets();
        using PskTlsTicket ticket = tickets.Earn();
        PskDtlsServerOptions options = new() { Tickets = tickets.Options().Tickets, AllowWithoutExtendedMasterSecret = true };
        using var link = new VirtualLink(DtlsTickets.Client(ticket: ticket), options, null, null, 0) { Answer = tickets.Answer };

        // The extension of RFC 7627 s5.1 gets a number that nobody knows.
        link.Tamper = (fromClient, datagram) =>
        {
            int at = fromClient ? datagram.AsSpan().IndexOf((ReadOnlySpan<byte>)[0, 0x17, 0, 0]) : -1;
            if (at > 0)
                datagram[at] = 0x7f;
            return datagram;
        };
        link.Client.Continue(link.Now);
        link.Send(fromClient: true);
        link.Run(() => link.Client.Error is not null);

        // RFC 7627 s5.3: the handshake is aborted.
        Assert.Equal(TlsErrorReason.ExtendedMasterSecretMissing, link.Server!.Error!.Reason);
        Assert.Equal((true, (AlertDescription?)AlertDescription.HandshakeFailure), (link.Client.Error!.SentByPeer, link.Client.Error.Alert));
    }

    [Fact]
    public void The_clients_last_flight_is_repeated_when_the_servers_comes_again()
    {
        using var tickets = new DtlsTickets();
        using PskTlsTicket ticket = tickets.Earn();
        using VirtualLink link = tickets.Make(DtlsTickets.Client(ticket: ticket));
        int lost = 0;
        link.Tamper = (fromClient, datagram) => fromClient && link.Client.IsConnected && lost++ < 2 ? null : datagram;
        link.Connect();
        Assert.Equal(3, lost);
        Assert.Equal(240_000, link.Client.Deadline - link.Now, 10_000.0);
        link.Exchange();
        Assert.Equal(long.MaxValue, link.Client.Deadline);
    }

    [Fact]
    public void A_refused_ticket_is_followed_by_a_whole_handshake_and_a_new_ticket()
    {
        using var tickets = new DtlsTickets();
        using PskTlsTicket ticket = tickets.Earn();
        foreach (Action change in (Action[])[() => tickets.Accepts = _ => false, () => tickets.Now += 86_401])
        {
            change();
            tickets.Seen.Clear();
            using VirtualLink link = tickets.Make(DtlsTickets.Client(ticket: ticket));
            link.Connect();
            Assert.Equal((PskBinder.External, 2), (link.Server!.Session!.Binder, tickets.Seen.Count));
            Assert.Equal(1, link.Server.Session.TicketsIssued);
            Assert.True(link.Client.TryTakeTicket(out PskTlsTicket? another));
            another.Dispose();
        }
    }

    [Fact]
    public void Tickets_of_TLS_and_DTLS_do_not_serve_for_each_other()
    {
        using var tickets = new DtlsTickets();
        using PskTlsTicket ticket = tickets.Earn();
        Assert.Throws<ArgumentException>(() => new PskTlsClientOptions { Credentials = [Link.Credential(PskBinder.External)], Tls12Ticket = ticket });
        using var owner = new TicketServer { Binder = PskBinder.External };
        using PskTlsTicket tls = owner.Earn(client: new PskTlsClientOptions
        {
            Versions = [TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)], Tls12CipherSuites = [CipherSuite.TLS_PSK_WITH_AES_128_CCM_8],
        });
        Assert.Throws<ArgumentException>(() => new PskDtlsClientOptions { Credential = Link.Credential(PskBinder.External), Ticket = tls });

        // The server looks for itself: the same keys seal both kinds.
        Assert.True(IotPsk.Tls.Tls12.Tls12Suite.TryGet(CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, out IotPsk.Tls.Tls12.Tls12Suite? row));
        using var disguised = new PskTlsTicket(tls.Ticket.ToArray(), isSessionId: false, tls.Psk, row, 0, TlsProtocol.Dtls12);
        using VirtualLink link = tickets.Make(DtlsTickets.Client(ticket: disguised));
        link.Connect();
        Assert.Equal(TicketStatus.OtherMode, tickets.Seen[^2]);
        Assert.Equal(PskBinder.External, link.Server!.Session!.Binder);
    }

    [Fact]
    public void Sessions_with_forward_secrecy_leave_no_ticket()
    {
        using var tickets = new DtlsTickets();
        using VirtualLink link = tickets.Make(DtlsTickets.Client(CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256));
        link.Connect();
        Assert.Equal(0, link.Server!.Session!.TicketsIssued);
        Assert.False(link.Client.TryTakeTicket(out _));
    }

    [Fact]
    public void A_session_that_failed_is_forgotten()
    {
        using var tickets = new DtlsTickets();
        using PskTlsTicket ticket = tickets.Earn(bySessionId: true);
        using VirtualLink link = tickets.Make(DtlsTickets.Client(ticket: ticket));
        link.Connect();
        byte[] datagram = new byte[200];
        int length = link.Client.Association!.Seal(Tls.Records.ContentType.Alert, [2, 80], datagram);
        link.Deliver(toServer: true, datagram[..length]);
        Assert.Equal(AlertDescription.InternalError, link.Server!.Error?.Alert);
        Assert.Empty(tickets.Cache.Sessions);
    }
}
