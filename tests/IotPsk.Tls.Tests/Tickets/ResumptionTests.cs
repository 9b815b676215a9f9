using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Tickets;

public class ResumptionTests
{
    [Theory]
    [InlineData(CipherSuite.TLS_AES_128_GCM_SHA256, PskKeyExchangeMode.PskDheKe)]
    [InlineData(CipherSuite.TLS_AES_128_GCM_SHA256, PskKeyExchangeMode.PskKe)]
    [InlineData(CipherSuite.TLS_AES_256_GCM_SHA384, PskKeyExchangeMode.PskDheKe)]
    [InlineData(CipherSuite.TLS_AES_256_GCM_SHA384, PskKeyExchangeMode.PskKe)]
    [InlineData(CipherSuite.TLS_AES_128_CCM_8_SHA256, PskKeyExchangeMode.PskDheKe)]
    public void A_ticket_resumes_and_brings_the_next_one(CipherSuite suite, PskKeyExchangeMode mode)
    {
        TlsHash hash = suite == CipherSuite.TLS_AES_256_GCM_SHA384 ? TlsHash.Sha384 : TlsHash.Sha256;
        using var owner = new TicketServer { Hash = hash };
        PskTlsClientOptions Client(params PskTlsCredential[] credentials) => new() { Credentials = credentials, CipherSuites = [suite], KeyExchangeModes = [mode] };
        PskTlsServerOptions options = owner.Options(pskKe: true);
        using PskTlsTicket first = owner.Earn(options, Client(Link.Credential(PskBinder.Imported, hash)));
        Assert.Equal((suite, hash, mode, 86_400), (first.CipherSuite, first.Hash, first.KeyExchangeMode, first.LifetimeSeconds));

        PskTlsTicket ticket = first;
        for (int i = 1; i <= 3; i++)
        {
            owner.Now += 1000;
            using var link = new Link(Client(ticket.ToCredential(1000_000)), options, owner.Answer);
            link.Connect();
            link.Exchange();
            Assert.Equal(PskBinder.Resumption, link.Server.Session!.Binder);
            Assert.Equal(PskBinder.Resumption, link.Client.Session!.Binder);
            Assert.Equal(mode, link.Server.Session.KeyExchangeMode);
            Assert.Equal(1, link.Server.Session.TicketsIssued);
            Assert.Equal("dev-1"u8.ToArray(), owner.Last!.Payload.ToArray());
            Assert.Equal((TlsProtocol.Tls13, mode, hash), (owner.Last.Version, owner.Last.KeyExchangeMode, owner.Last.Hash));
            Assert.Equal((TicketServer.Start, owner.Now - 1000), (owner.Last.ChainStart, owner.Last.IssuedAt));
            Assert.True(link.Client.TryTakeTicket(out ticket!));
            Assert.False(link.Client.TryTakeTicket(out _));
        }
    }

    [Fact]
    public void A_ticket_and_an_external_key_go_in_one_hello_and_either_serves()
    {
        using var owner = new TicketServer();
        using PskTlsTicket ticket = owner.Earn();
        using Link resumed = owner.Resume(ticket);
        resumed.Connect();
        resumed.Exchange();
        Assert.Equal(0, resumed.Server.Session!.IdentityIndex);
        Assert.Equal(PskBinder.Resumption, resumed.Client.Session!.Binder);

        // The owner does not want it (the device was revoked and enrolled again): the next identity is taken, its binder is right too.
        owner.Accepts = payload => payload != "dev-1";
        using Link fallback = owner.Resume(ticket);
        fallback.Connect();
        fallback.Exchange();
        Assert.Equal([TicketStatus.Good, TicketStatus.NotATicket], owner.Seen);
        Assert.Equal((1, PskBinder.Imported), (fallback.Server.Session!.IdentityIndex, fallback.Server.Session.Binder));
        Assert.Equal((1, PskBinder.Imported), (fallback.Client.Session!.IdentityIndex, fallback.Client.Session.Binder));
    }

    [Fact]
    public void A_ticket_survives_a_retry_of_the_hello()
    {
        using var owner = new TicketServer();
        using PskTlsTicket ticket = owner.Earn();
        using Link link = owner.Resume(ticket, change: client => new PskTlsClientOptions { Credentials = client.Credentials, KeyShareGroups = [] });
        link.Connect();
        link.Exchange();
        Assert.True(link.Server.Session!.HelloRetried);
        Assert.Equal(PskBinder.Resumption, link.Server.Session.Binder);
        Assert.Equal(1, link.Server.Session.TicketsIssued);
    }

    [Fact]
    public void A_hello_with_a_ticket_alone_and_no_use_for_it_ends_like_an_unknown_identity()
    {
        using var owner = new TicketServer();
        using PskTlsTicket ticket = owner.Earn();
        owner.Now += 86_401;
        using var link = new Link(new PskTlsClientOptions { Credentials = [ticket.ToCredential(0)] }, owner.Options(), owner.Answer);
        link.Run();
        Assert.Equal([TicketStatus.Expired], owner.Seen);
        Assert.Equal(TlsErrorReason.NoUsablePsk, link.Server.Error?.Reason);
        Assert.Equal(AlertDescription.DecryptError, link.Client.Error?.Alert);
    }

    [Fact]
    public void A_stolen_ticket_without_its_key_is_a_wrong_binder()
    {
        using var owner = new TicketServer();
        using PskTlsTicket ticket = owner.Earn();
        using var stolen = new PskTlsCredential(ticket.Ticket, Link.Key, PskBinder.Resumption, TlsHash.Sha256);
        using var link = new Link(new PskTlsClientOptions { Credentials = [stolen, Link.Credential()] }, owner.Options(), owner.Answer);
        link.Run();
        Assert.Equal(TlsErrorReason.BinderMismatch, link.Server.Error?.Reason);
    }

    [Theory]
    [InlineData(0, 86_400, TicketStatus.Good)]
    [InlineData(86_400, 86_400, TicketStatus.Good)]
    [InlineData(86_401, 86_400, TicketStatus.Expired)]
    [InlineData(-60, 86_400, TicketStatus.Good)]
    [InlineData(-61, 86_400, TicketStatus.Expired)]
    [InlineData(604_800, 604_800, TicketStatus.Good)]
    [InlineData(604_801, 604_800, TicketStatus.Expired)]
    [InlineData(61, 60, TicketStatus.Expired)]
    public void The_servers_own_clock_decides_over_a_tickets_age(int age, int lifetime, TicketStatus expected)
    {
        using var owner = new TicketServer();
        using PskTlsTicket ticket = owner.Earn();
        owner.Now += age;
        using Link link = owner.Resume(ticket, owner.Options(lifetime: lifetime));
        link.Connect();
        Assert.Equal(expected, owner.Seen[0]);
        Assert.Equal(expected == TicketStatus.Good ? PskBinder.Resumption : PskBinder.Imported, link.Server.Session!.Binder);
    }

    [Fact]
    public void A_chain_of_resumptions_ends_and_its_last_tickets_live_shorter()
    {
        using var owner = new TicketServer();
        PskTlsServerOptions options = owner.Options(chain: 100_000);
        PskTlsTicket ticket = owner.Earn(options);
        Assert.Equal(86_400, ticket.LifetimeSeconds);
        owner.Now += 60_000;
        using (Link link = owner.Resume(ticket, options))
        {
            link.Connect();
            Assert.True(link.Client.TryTakeTicket(out ticket!));
            Assert.Equal(40_000, ticket.LifetimeSeconds);
        }

        owner.Now += 40_000;
        using (Link link = owner.Resume(ticket, options))
        {
            link.Connect();
            Assert.Equal(PskBinder.Resumption, link.Server.Session!.Binder);
            Assert.Equal(0, link.Server.Session.TicketsIssued);
        }

        owner.Now++;
        using Link last = owner.Resume(ticket, options);
        last.Connect();
        Assert.Equal(TicketStatus.ChainExpired, owner.Seen[0]);
        Assert.Equal(PskBinder.Imported, last.Server.Session!.Binder);
        Assert.True(last.Client.TryTakeTicket(out PskTlsTicket? fresh));
        Assert.Equal(86_400, fresh.LifetimeSeconds);
    }

    [Fact]
    public void A_ticket_of_another_key_exchange_mode_is_skipped()
    {
        using var owner = new TicketServer();
        PskTlsServerOptions options = owner.Options(pskKe: true);
        using PskTlsTicket ticket = owner.Earn(options);
        using Link link = owner.Resume(ticket, options, client => new PskTlsClientOptions { Credentials = client.Credentials, KeyExchangeModes = [PskKeyExchangeMode.PskKe] });
        link.Connect();
        Assert.Equal([TicketStatus.OtherMode, TicketStatus.NotATicket], owner.Seen);
    }

    [Fact]
    public void A_ticket_whose_hash_no_common_suite_has_is_skipped()
    {
        using var owner = new TicketServer { Hash = TlsHash.Sha384 };
        using PskTlsTicket ticket = owner.Earn(client: new PskTlsClientOptions { Credentials = [Link.Credential(PskBinder.Imported, TlsHash.Sha384)] });
        owner.Hash = TlsHash.Sha256;
        var narrow = new PskTlsServerOptions { CipherSuites = [CipherSuite.TLS_AES_128_GCM_SHA256], Tickets = owner.Options().Tickets };
        using Link link = owner.Resume(ticket, narrow);
        link.Connect();
        Assert.Equal([TicketStatus.NoCipherSuite, TicketStatus.NotATicket], owner.Seen);
    }

    [Fact]
    public void Keys_change_and_the_previous_ones_still_open()
    {
        using var owner = new TicketServer();
        using PskTlsTicket old = owner.Earn();
        using TicketKey first = TicketServer.Key(1);
        using TicketKey second = TicketServer.Key(2);
        owner.Keys.Replace(second, first);
        using (Link link = owner.Resume(old))
        {
            link.Connect();
            Assert.Equal(PskBinder.Resumption, link.Server.Session!.Binder);
            Assert.True(link.Client.TryTakeTicket(out PskTlsTicket? renewed));
            Assert.Equal(second.Name.ToArray(), renewed.Ticket[2..10].ToArray());
        }

        owner.Keys.Replace(second);
        using Link after = owner.Resume(old);
        after.Connect();
        Assert.Equal([TicketStatus.UnknownKey, TicketStatus.NotATicket], owner.Seen);
    }

    [Fact]
    public void Without_options_terms_or_keys_no_ticket_is_sent()
    {
        using var owner = new TicketServer();
        foreach ((PskTlsServerOptions options, PskTerms terms) in (ReadOnlySpan<(PskTlsServerOptions, PskTerms)>)[
            (new PskTlsServerOptions(), new PskTerms { IssueTickets = true }), (owner.Options(), default), (owner.Options(count: 0), new PskTerms { IssueTickets = true })])
        {
            owner.Terms = terms;
            using var link = new Link(server: options, answer: owner.Answer);
            link.Connect();
            Assert.Equal(0, link.Server.Session!.TicketsIssued);
            Assert.False(link.Client.TryTakeTicket(out _));
        }

        owner.Terms = new PskTerms { IssueTickets = true };
        using PskTlsTicket ticket = owner.Earn();
        using (Link off = owner.Resume(ticket, new PskTlsServerOptions()))
        {
            off.Connect();
            Assert.Equal([TicketStatus.NotATicket, TicketStatus.NotATicket], owner.Seen);
        }

        owner.Keys.Dispose();
        using Link none = owner.Resume(ticket);
        none.Connect();
        none.Exchange();
        Assert.Equal(0, none.Server.Session!.TicketsIssued);
        Assert.Equal(TicketStatus.UnknownKey, owner.Seen[0]);
    }

    [Fact]
    public void Several_tickets_of_one_connection_have_different_keys_and_each_resumes()
    {
        using var owner = new TicketServer();
        using var link = new Link(server: owner.Options(count: 3), answer: owner.Answer);
        link.Connect();
        var seen = new HashSet<string>();
        for (int i = 0; i < 3; i++)
        {
            Assert.True(link.Client.TryTakeTicket(out PskTlsTicket? ticket));
            Assert.True(seen.Add(Convert.ToHexString(ticket.Ticket)));
            using PskTlsCredential credential = ticket.ToCredential(0);
            Assert.True(seen.Add(Convert.ToHexString(credential.Key)));
            using Link resumed = owner.Resume(ticket);
            resumed.Connect();
            Assert.Equal(PskBinder.Resumption, resumed.Server.Session!.Binder);
        }
    }

    [Fact]
    public void Tickets_are_no_part_of_the_counted_handshake()
    {
        using var owner = new TicketServer();
        using var with = new Link(server: owner.Options(), answer: owner.Answer);
        with.Connect();
        Assert.Equal(with.Client.Session!.HandshakeBytesReceived, with.Server.Session!.HandshakeBytesSent);
        Assert.True(with.ServerEnd.Sent.Count > with.Server.Session.HandshakeBytesSent);
    }
}
