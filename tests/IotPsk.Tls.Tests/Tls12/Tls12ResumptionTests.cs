using System.Globalization;
using System.Text;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Tls12;

/// <summary>Sessions of TLS 1.2 that are resumed, by a ticket or by the session id.</summary>
public class Tls12ResumptionTests
{
    private const CipherSuite Suite = CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256;

    [Theory]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256)]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_CCM_8)]
    [InlineData(CipherSuite.TLS_PSK_WITH_CHACHA20_POLY1305_SHA256)]
    public void A_ticket_resumes_the_session_without_the_key(CipherSuite suite)
    {
        using TicketServer owner = Owner();
        using PskTlsTicket ticket = Earn(owner, suite);
        Assert.Equal((TlsProtocol.Tls12, suite, PskKeyExchangeMode.PskKe, 86_400), (ticket.Version, ticket.CipherSuite, ticket.KeyExchangeMode, ticket.LifetimeSeconds));
        Assert.Throws<InvalidOperationException>(() => ticket.ToCredential(0));
        using Link link = Resume(owner, ticket);
        link.Chunk = 1;
        link.Connect();
        Assert.Equal([TicketStatus.Good], owner.Seen);
        Assert.Equal((suite, PskKeyExchangeMode.PskKe, TlsHash.Sha256, TlsProtocol.Tls12), (owner.Last!.CipherSuite, owner.Last.KeyExchangeMode, owner.Last.Hash, owner.Last.Version));
        Assert.Equal((PskBinder.Resumption, PskBinder.Resumption), (link.Client.Session!.Binder, link.Server.Session!.Binder));
        Assert.Equal((suite, true), (link.Server.Session.CipherSuite, link.Client.Session.HasExtendedMasterSecret));
        Assert.Equal(link.ClientEnd.Sent.Count, link.Client.Session.HandshakeBytesSent);
        link.Exchange(20_000);
        byte[] atClient = new byte[20], atServer = new byte[20];
        link.Client.ExportKeyingMaterial("EXPERIMENTAL x"u8, default, atClient);
        link.Server.ExportKeyingMaterial("EXPERIMENTAL x"u8, default, atServer);
        Assert.Equal(atClient, atServer);

        // It is the client's to use again.
        using Link again = Resume(owner, ticket);
        again.Connect();
    }

    [Fact]
    public void A_refused_ticket_leads_to_a_whole_handshake_with_a_new_one()
    {
        using TicketServer owner = Owner();
        using PskTlsTicket ticket = Earn(owner);
        owner.Accepts = payload => payload != "dev-1";
        using Link link = Resume(owner, ticket);
        link.Connect();
        Assert.Equal(PskBinder.External, link.Server.Session!.Binder);
        Assert.Equal(1, link.Server.Session.TicketsIssued);
        Assert.True(link.Client.TryTakeTicket(out PskTlsTicket? next));
        next.Dispose();
    }

    [Theory]
    [InlineData("late", TicketStatus.Expired)]
    [InlineData("other keys", TicketStatus.UnknownKey)]
    [InlineData("changed", TicketStatus.NotAuthentic)]
    [InlineData("suite gone", TicketStatus.NoCipherSuite)]
    [InlineData("TLS 1.3", TicketStatus.OtherMode)]
    public void A_ticket_that_does_not_fit_is_skipped(string what, TicketStatus status)
    {
        using TicketServer owner = Owner();
        PskTlsTicket ticket = Earn(owner);
        TicketServer asked = owner;
        using TicketServer other = Owner();
        PskTlsServerOptions options = owner.Options();
        switch (what)
        {
            case "late":
                owner.Now += 86_401;
                break;
            case "other keys":
                asked = other;
                using (TicketKey key = TicketServer.Key(2))
                    other.Keys.Replace(key);
                options = other.Options();
                break;
            case "changed":
                ticket = Changed(ticket);
                break;
            case "suite gone":
                options = new PskTlsServerOptions { Tickets = options.Tickets, Tls12CipherSuites = [CipherSuite.TLS_PSK_WITH_AES_128_CCM] };
                break;
            default:
                using (var owner13 = new TicketServer())
                    ticket = AsTls12(owner13.Earn());
                break;
        }

        var seen = new List<TicketStatus>();
        using var link = new Link(ResumingClient(ticket), options, s =>
        {
            asked.Answer(s);
            seen.AddRange(asked.Seen);
        });
        link.Connect();
        Assert.Equal([status, TicketStatus.NotATicket], seen);
        Assert.Equal(PskBinder.External, link.Client.Session!.Binder);
        ticket.Dispose();
    }

    [Fact]
    public void A_failed_lookup_of_a_ticket_is_an_internal_error_and_a_key_for_it_refuses_it()
    {
        using TicketServer owner = Owner();
        using PskTlsTicket ticket = Earn(owner);
        using var failed = new Link(ResumingClient(ticket), owner.Options(), s => s.FailPsk());
        failed.Run();
        Assert.Equal(TlsErrorReason.PskLookupFailed, failed.Server.Error?.Reason);
        int questions = 0;
        using var naive = new Link(ResumingClient(ticket), owner.Options(), s =>
        {
            questions++;
            Assert.Equal((1, 32, questions == 1 ? 0 : 32), (s.PendingIdentityCount, s.ClientRandom.Length, s.ServerRandom.Length));
            Assert.True(s.HasCipherSuite(TlsHash.Sha384));
            Tls12Link.Provide(s);
            Assert.Throws<InvalidOperationException>(s.RejectPsk);
        });
        naive.Connect();
        Assert.Equal(2, questions);
    }

    [Fact]
    public void No_ticket_is_made_where_it_would_undo_forward_secrecy_or_nobody_wants_it()
    {
        using TicketServer owner = Owner();
        using var ecdhe = new Link(Suites.Client(CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256), owner.Options(), owner.Answer);
        ecdhe.Connect();
        Assert.False(ecdhe.Client.TryTakeTicket(out _));
        using var unwilling = new Link(Suites.Client(Suite), owner.Options(count: 0), owner.Answer);
        unwilling.Connect();
        Assert.False(unwilling.Client.TryTakeTicket(out _));
        using var uninterested = new Link(
            new PskTlsClientOptions { Versions = [TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)], MaxTickets = 0 }, owner.Options(), owner.Answer);
        uninterested.Connect();
        Assert.Equal(0, uninterested.Server.Session!.TicketsIssued);

        // Announced, and then the owner does not say so: an empty one.
        owner.Terms = default;
        using var changed = new Link(Suites.Client(Suite), owner.Options(), owner.Answer);
        changed.Connect();
        Assert.Equal(0, changed.Server.Session!.TicketsIssued);
        Assert.False(changed.Client.TryTakeTicket(out _));
    }

    [Fact]
    public void A_client_of_both_versions_may_offer_a_ticket_of_each()
    {
        using TicketServer owner = Owner();
        using PskTlsTicket older = Earn(owner);
        using var owner13 = new TicketServer { Binder = PskBinder.External };
        using PskTlsTicket newer = owner13.Earn(client: new PskTlsClientOptions { Credentials = [Link.Credential(PskBinder.External)] });
        var client = new PskTlsClientOptions
        {
            Versions = [TlsProtocol.Tls13, TlsProtocol.Tls12], Credentials = [newer.ToCredential(0), Link.Credential(PskBinder.External)], Tls12Ticket = older,
            Tls12CipherSuites = [Suite],
        };
        foreach (bool knowsTls13 in (bool[])[true, false])
        {
            var options = new PskTlsServerOptions { AllowTls13 = knowsTls13, Tickets = owner13.Options().Tickets };
            using var link = new Link(client, options, owner13.Answer);
            link.Connect();
            Assert.Equal((knowsTls13 ? TlsProtocol.Tls13 : TlsProtocol.Tls12, PskBinder.Resumption), (link.Client.Session!.Version, link.Client.Session.Binder));
        }

        Assert.Throws<ArgumentException>(() => new PskTlsClientOptions { Credentials = [Link.Credential()], Tls12Ticket = newer });
    }

    [Fact]
    public void A_session_id_resumes_the_session_until_a_connection_of_it_fails()
    {
        using TicketServer owner = Owner();
        var cache = new TestSessionCache();
        var options = new PskTlsServerOptions { Tickets = new TicketOptions { Keys = owner.Keys, SessionCache = cache } };

        // Without tickets of its own the client gets an id.
        using var first = new TestServer(options, owner.Answer);
        using var client = new ScriptedTls12Client(first, suite: Suite);
        client.SendKeyExchange();
        client.SendFinished();
        Assert.True(first.Server.IsConnected);
        string id = Assert.Single(cache.Sessions.Keys);
        Assert.Equal(Convert.ToHexString(client.SessionId), id);

        using PskTlsTicket ticket = client.ToTicket();
        using Link link = new(ResumingClient(ticket), options, owner.Answer);
        link.Connect();
        Assert.Equal((PskBinder.Resumption, PskBinder.Resumption), (link.Client.Session!.Binder, link.Server.Session!.Binder));
        link.Exchange();
        link.ServerEnd.Deliver(TestRecord.Plain(23, new byte[40]));
        Assert.Equal(TlsErrorReason.BadRecordMac, link.Server.Error?.Reason);
        Assert.Empty(cache.Sessions);
        using Link after = new(ResumingClient(ticket), options, owner.Answer);
        after.Connect();
        Assert.Equal(PskBinder.External, after.Client.Session!.Binder);
    }

    [Fact]
    public void A_resumed_handshake_is_held_to_its_rules()
    {
        using TicketServer owner = Owner();
        using PskTlsTicket ticket = Earn(owner);
        byte[] id = [.. Enumerable.Repeat((byte)3, 32)];
        TestHello Offer() => Changed(ScriptedTls12Client.Hello(Suite).Set(ExtensionType.SessionTicket, ticket.Ticket.ToArray()), id);

        foreach ((byte[] records, TlsErrorReason reason) in (ReadOnlySpan<(byte[], TlsErrorReason)>)[
            (TestRecord.Plain(22, 16, 0, 0, 2, 0, 0), TlsErrorReason.UnexpectedHandshakeMessage),
            (TestRecord.Plain(23, 1), TlsErrorReason.UnexpectedRecordType),
            ([.. TestRecord.Plain(20, 1), .. TestRecord.Plain(22, new byte[40])], TlsErrorReason.BadRecordMac)])
        {
            using var server = new TestServer(owner.Options(), owner.Answer);
            byte[] flight = server.Deliver(Offer().Record());
            Assert.True(flight.AsSpan().IndexOf(id) > 0);
            server.Deliver(records);
            Assert.Equal(reason, server.Server.Error?.Reason);
            Assert.Null(server.Server.Session);
        }

        // RFC 7627 s5.3: the session had the extension.
        using var lax = new TestServer(
            new PskTlsServerOptions { AllowWithoutExtendedMasterSecret = true, Tickets = owner.Options().Tickets }, owner.Answer);
        lax.Deliver(Offer().Remove(ExtensionType.ExtendedMasterSecret).Record());
        Assert.Equal(TlsErrorReason.ExtendedMasterSecretMissing, lax.Server.Error?.Reason);
    }

    [Theory]
    [InlineData("suite", TlsErrorReason.SelectedUnofferedCipherSuite)]
    [InlineData("no extended_master_secret", TlsErrorReason.ExtendedMasterSecretMissing)]
    [InlineData("ServerHelloDone", TlsErrorReason.UnexpectedHandshakeMessage)]
    [InlineData("malformed ticket", TlsErrorReason.MalformedNewSessionTicket)]
    [InlineData("something after the ticket", TlsErrorReason.ExcessHandshakeData)]
    public void A_client_holds_a_server_that_resumes_to_its_rules(string what, TlsErrorReason reason)
    {
        using TicketServer owner = Owner();
        using PskTlsTicket ticket = Earn(owner);
        using var server = new ScriptedTls12Server(ResumingClient(ticket, allowWithoutEms: true));
        byte[] id = server.ClientSessionId;
        Assert.Equal(32, id.Length);
        byte[] hello = what switch
        {
            "suite" => ScriptedTls12Server.Hello(CipherSuite.TLS_PSK_WITH_AES_128_CCM, sessionId: id),
            "no extended_master_secret" => ScriptedTls12Server.Hello(sessionId: id, ems: false),
            "ServerHelloDone" => [.. ScriptedTls12Server.Hello(sessionId: id), 14, 0, 0, 0],
            "malformed ticket" => [.. ScriptedTls12Server.Hello(sessionId: id, extensions: [0, 35, 0, 0]), 4, 0, 0, 5, 0, 0, 0, 0, 0],
            _ => [.. ScriptedTls12Server.Hello(sessionId: id, extensions: [0, 35, 0, 0]), 4, 0, 0, 6, 0, 0, 0, 0, 0, 0, 20],
        };
        server.Send(hello);
        Assert.Equal(reason, server.Client.Error?.Reason);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_openssl_client_resumes_its_session(bool byTicket)
    {
        using TicketServer owner = Owner();
        var options = new PskTlsServerOptions { Tickets = new TicketOptions { Keys = owner.Keys, SessionCache = new TestSessionCache() } };
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string file = Path.Combine(folder, "session");
            PskTlsSession first = await ServeAsync(options, owner, byTicket, "-sess_out", file);
            Assert.Equal((PskBinder.External, byTicket ? 1 : 0), (first.Binder, first.TicketsIssued));
            PskTlsSession second = await ServeAsync(options, owner, byTicket, "-sess_in", file);
            Assert.Equal(PskBinder.Resumption, second.Binder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_gnutls_client_resumes_its_session()
    {
        using TicketServer owner = Owner();
        using var server = new EchoServer(owner.Options(), owner.Answer);
        Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
        using var process = new PeerProcess(
            "gnutls-cli", "--insecure", "--resume", "--waitresumption", "--port", server.Port.ToString(CultureInfo.InvariantCulture), "--pskusername", Encoding.ASCII.GetString(Link.Identity),
            "--pskkey", Convert.ToHexString(Link.Key), "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+PSK", "127.0.0.1");
        await process.SendAsync("one\n");
        Assert.Equal(PskBinder.External, (await serving).Session?.Binder);
        serving = server.ServeOneAsync();
        await process.SendAsync("two\n");
        Assert.Equal(PskBinder.Resumption, (await serving).Session?.Binder);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_client_resumes_its_session_with_openssl(bool byTicket)
    {
        int port = FreePorts.Take();
        string[] without = byTicket ? [] : ["-no_ticket"];
        using var process = new PeerProcess(
            "openssl", ["s_server", "-accept", $"127.0.0.1:{port}", "-nocert", "-psk_identity", Encoding.ASCII.GetString(Link.Identity), "-psk", Convert.ToHexString(Link.Key), "-rev",
            "-tls1_2", "-cipher", "PSK-AES128-GCM-SHA256", .. without]);
        await process.WaitForLineAsync("ACCEPT");
        PskTlsTicket? ticket = null;
        (PskTlsSession first, _) = await PeerClient.ExchangeAsync(port, Suites.Client(Suite), "hello\n", client => Assert.True(client.TryTakeTicket(out ticket)));
        Assert.Equal(PskBinder.External, first.Binder);
        (PskTlsSession second, string reply) = await PeerClient.ExchangeAsync(port, ResumingClient(ticket!), "hello\n");
        Assert.Equal((PskBinder.Resumption, "olleh\n"), (second.Binder, reply));
        ticket!.Dispose();
    }

    private static TicketServer Owner() => new() { Binder = PskBinder.External };

    private static PskTlsTicket Earn(TicketServer owner, CipherSuite suite = Suite) => owner.Earn(client: Suites.Client(suite));

    private static PskTlsClientOptions ResumingClient(PskTlsTicket ticket, bool allowWithoutEms = false) => new()
    {
        Versions = [TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)], Tls12Ticket = ticket, AllowWithoutExtendedMasterSecret = allowWithoutEms,
        Tls12CipherSuites = [.. Suites.Tls12.Where(suite => !Suites.IsEcdhe(suite))],
    };

    private static Link Resume(TicketServer owner, PskTlsTicket ticket) => new(ResumingClient(ticket), owner.Options(), owner.Answer);

    private static PskTlsTicket Changed(PskTlsTicket ticket)
    {
        byte[] bytes = ticket.Ticket.ToArray();
        bytes[^1] ^= 1;
        return Tls12Ticket(bytes, ticket.Psk);
    }

    /// <summary>A ticket of TLS 1.3 in the place of one of TLS 1.2.</summary>
    private static PskTlsTicket AsTls12(PskTlsTicket ticket) => Tls12Ticket(ticket.Ticket.ToArray(), new byte[48]);

    private static PskTlsTicket Tls12Ticket(byte[] bytes, ReadOnlySpan<byte> master)
    {
        Assert.True(Tls.Tls12.Tls12Suite.TryGet(Suite, out Tls.Tls12.Tls12Suite? row));
        return new PskTlsTicket(bytes, isSessionId: false, master, row, 0);
    }

    private static TestHello Changed(TestHello hello, byte[] sessionId)
    {
        hello.SessionId = sessionId;
        return hello;
    }

    private static async Task<PskTlsSession> ServeAsync(PskTlsServerOptions options, TicketServer owner, bool byTicket, params string[] arguments)
    {
        using var server = new EchoServer(options, owner.Answer);
        Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
        string[] without = byTicket ? [] : ["-no_ticket"];
        string output = await PeerProcess.OpenSslClientAsync(
            server.Port, "hello\n",
            ["-tls1_2", "-psk_identity", Encoding.ASCII.GetString(Link.Identity), "-psk", Convert.ToHexString(Link.Key), "-cipher", "PSK-AES128-GCM-SHA256", .. without, .. arguments]);
        (PskTlsSession? session, TlsError? error) = await serving;
        Assert.True(error is null, output + error);
        Assert.Contains("HELLO", output, StringComparison.Ordinal);
        return session!;
    }
}
