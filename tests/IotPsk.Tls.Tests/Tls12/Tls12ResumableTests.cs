using IotPsk.Tls.Crypto;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Tls12;

/// <summary>Which sessions of TLS 1.2 may be resumed at all: each end judges by itself, whatever the other one does.</summary>
public class Tls12ResumableTests
{
    private const CipherSuite Suite = CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256;

    [Theory]
    [InlineData(Suite, true, true)]
    [InlineData(Suite, true, false)]
    [InlineData(Suite, false, true)]
    [InlineData(Suite, false, false)]
    [InlineData(CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256, true, true)]
    [InlineData(CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256, true, false)]
    public void A_server_lets_only_sessions_be_resumed_that_lose_nothing_by_it(CipherSuite suite, bool extended, bool byTicket)
    {
        using TicketServer owner = Owner();
        var options = new PskTlsServerOptions
        {
            AllowWithoutExtendedMasterSecret = true,
            Tickets = new TicketOptions { Keys = owner.Keys, SessionCache = new TestSessionCache() },
        };
        using var server = new TestServer(options, owner.Answer);
        TestHello hello = ScriptedTls12Client.Hello(suite);
        if (byTicket)
            hello.Set(ExtensionType.SessionTicket);
        if (!extended)
            hello.Remove(ExtensionType.ExtendedMasterSecret);
        byte[] flight = server.Deliver(hello.Record());

        // RFC 7627 s5.4, and forward secrecy: neither a ticket is announced nor a session id given.
        Assert.Null(server.Server.Error);
        bool resumable = extended && suite == Suite;
        Assert.Equal(resumable && byTicket, flight.AsSpan().IndexOf((byte[])[0, 35, 0, 0]) > 0);
        Assert.Equal(resumable && !byTicket ? 32 : 0, flight[5 + 4 + 2 + 32]);
    }

    [Theory]
    [InlineData(Suite, true, true)]
    [InlineData(Suite, true, false)]
    [InlineData(Suite, false, true)]
    [InlineData(Suite, false, false)]
    [InlineData(CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256, true, true)]
    [InlineData(CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256, true, false)]
    public void A_client_keeps_only_sessions_that_lose_nothing_by_resumption(CipherSuite suite, bool extended, bool byTicket)
    {
        var options = new PskTlsClientOptions
        {
            Versions = [TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)], AllowWithoutExtendedMasterSecret = true,
        };
        using var server = new ScriptedTls12Server(options, suite) { ExtendedMasterSecret = extended };
        using KeyAgreement key = CryptoProvider.Default.CreateKeyAgreement(NamedGroup.Secp256r1);
        byte[] shared = [];
        server.Send(ScriptedTls12Server.Hello(suite, sessionId: byTicket ? [] : [1, 2, 3], extensions: byTicket ? [0, 35, 0, 0] : [], ems: extended));
        if (suite != Suite)
            server.Send(ScriptedTls12Server.KeyExchange(key));
        byte[] flight = server.Send(14, 0, 0, 0);
        if (suite != Suite)
        {
            shared = new byte[32];
            Assert.True(key.TryAgree(flight.AsSpan(5 + 4 + 2 + Link.Identity.Length + 1, 65), shared));
        }

        server.Take(flight, shared);
        if (byTicket)
            server.Send(4, 0, 0, 8, 0, 0, 1, 0, 0, 2, 7, 7);
        server.Finish();
        Assert.True(server.Client.IsConnected);
        Assert.Equal(extended && suite == Suite, server.Client.TryTakeTicket(out PskTlsTicket? ticket));
        ticket?.Dispose();
    }

    [Fact]
    public void A_ticket_of_TLS_12_is_none_of_TLS_13_where_its_mode_would_fit_either()
    {
        using TicketServer owner = Owner();
        using PskTlsTicket ticket = Earn(owner);
        Assert.Equal(PskKeyExchangeMode.PskKe, ticket.KeyExchangeMode);
        using var identity = new PskTlsCredential(ticket.Ticket, ticket.Psk, PskBinder.Resumption, TlsHash.Sha256);
        var client = new PskTlsClientOptions { Credentials = [identity, Link.Credential(PskBinder.External)], KeyExchangeModes = [PskKeyExchangeMode.PskKe] };
        using var link = new Link(client, owner.Options(pskKe: true), owner.Answer);
        link.Connect();
        Assert.Equal([TicketStatus.OtherMode, TicketStatus.NotATicket], owner.Seen);
        Assert.Equal((TlsProtocol.Tls13, PskBinder.External), (link.Server.Session!.Version, link.Server.Session.Binder));
    }

    [Fact]
    public void A_session_is_resumed_only_if_the_client_offers_its_suite()
    {
        using TicketServer owner = Owner();
        using PskTlsTicket ticket = Earn(owner);
        var seen = new List<TicketStatus>();
        using var server = new TestServer(owner.Options(), s =>
        {
            owner.Answer(s);
            seen.AddRange(owner.Seen);
        });
        TestHello hello = ScriptedTls12Client.Hello(CipherSuite.TLS_PSK_WITH_AES_128_CCM).Set(ExtensionType.SessionTicket, ticket.Ticket.ToArray());
        server.Deliver(hello.Record());
        Assert.Equal([TicketStatus.NoCipherSuite], seen);
        Assert.Null(server.Server.Error);
    }

    [Fact]
    public void A_session_is_resumed_by_its_ticket_and_by_no_key_of_the_owner()
    {
        using TicketServer owner = Owner();
        using PskTlsTicket ticket = Earn(owner);
        var client = new PskTlsClientOptions
        {
            Versions = [TlsProtocol.Tls12], Tls12CipherSuites = [Suite], Credentials = [Link.Credential(PskBinder.External)], Tls12Ticket = ticket,
        };
        using var link = new Link(client, owner.Options(), s =>
        {
            if (s.OpenTicket(0, owner.Now, out SessionTicket? opened) == TicketStatus.Good)
                s.ProvidePsk(0, new byte[48], PskBinder.External, TlsHash.Sha256);
            else
                owner.Answer(s);
            opened?.Dispose();
        });
        link.Connect();
        Assert.Equal(PskBinder.External, link.Server.Session!.Binder);
    }

    private static TicketServer Owner() => new() { Binder = PskBinder.External };

    private static PskTlsTicket Earn(TicketServer owner) => owner.Earn(client: Suites.Client(Suite));
}
