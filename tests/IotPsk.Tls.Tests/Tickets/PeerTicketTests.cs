using System.Globalization;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Tickets;

/// <summary>Resumption with other people's implementations, both roles.</summary>
public class PeerTicketTests
{
    private static readonly string Identity = System.Text.Encoding.ASCII.GetString(Link.Identity);
    private static readonly string KeyHex = Convert.ToHexString(Link.Key);
    private static readonly string[] Psk = ["-tls1_3", "-psk_identity", Identity, "-psk", KeyHex];

    [Theory]
    [InlineData("TLS_AES_128_GCM_SHA256")]
    [InlineData("TLS_CHACHA20_POLY1305_SHA256")]
    public async Task An_openssl_client_resumes_by_our_ticket(string suite)
    {
        using var owner = new TicketServer { Binder = PskBinder.External };
        using var server = new EchoServer(owner.Options(), owner.Answer);
        string file = Path.GetTempFileName();
        try
        {
            PskTlsSession first = await TalkAsync(server, "-ciphersuites", suite, "-sess_out", file);
            Assert.Equal((PskBinder.External, 1), (first.Binder, first.TicketsIssued));

            // The hello carries the ticket and the external identity, both with their binders.
            PskTlsSession second = await TalkAsync(server, "-ciphersuites", suite, "-sess_in", file);
            Assert.Equal((PskBinder.Resumption, 0), (second.Binder, second.IdentityIndex));

            owner.Now += 86_401;
            PskTlsSession third = await TalkAsync(server, "-ciphersuites", suite, "-sess_in", file);
            Assert.Equal((PskBinder.External, 1), (third.Binder, third.IdentityIndex));
            Assert.Equal([TicketStatus.Expired, TicketStatus.NotATicket], owner.Seen);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task A_gnutls_client_resumes_by_our_ticket()
    {
        using var owner = new TicketServer { Binder = PskBinder.External };
        using var server = new EchoServer(owner.Options(), owner.Answer);
        Task<(PskTlsSession? Session, TlsError? Error)> first = server.ServeOneAsync();
        using var process = new PeerProcess(
            "gnutls-cli", "--insecure", "--resume", "--waitresumption", "--port", server.Port.ToString(CultureInfo.InvariantCulture), "--pskusername", Identity,
            "--pskkey", KeyHex, "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:+DHE-PSK:+PSK", "127.0.0.1");
        await process.SendAsync("hello\n");
        Assert.Equal(PskBinder.External, (await first).Session?.Binder);
        Task<(PskTlsSession? Session, TlsError? Error)> second = server.ServeOneAsync();
        string output = await process.TalkAsync("hello\n");
        (PskTlsSession? session, TlsError? error) = await second;
        Assert.True(error is null, output + error);
        Assert.Equal(PskBinder.Resumption, session!.Binder);
    }

    [Theory]
    [InlineData(CipherSuite.TLS_AES_128_GCM_SHA256)]
    [InlineData(CipherSuite.TLS_CHACHA20_POLY1305_SHA256)]
    public async Task Our_client_resumes_at_an_openssl_server(CipherSuite suite)
    {
        int port = FreePorts.Take();
        using var process = new PeerProcess("openssl", ["s_server", "-accept", $"127.0.0.1:{port}", "-nocert", .. Psk, "-rev", "-num_tickets", "2"]);
        await process.WaitForLineAsync("ACCEPT");
        using PskTlsCredential external = Link.Credential(PskBinder.External);
        await ResumeAsync(port, external, suite, "olleh\n");
    }

    [Fact]
    public async Task Our_client_resumes_at_a_gnutls_server()
    {
        int port = FreePorts.Take();
        string keys = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(keys, $"{Identity}:{KeyHex.ToLowerInvariant()}\n");
            using var process = new PeerProcess(
                "gnutls-serv", "--echo", "--pskpasswd", keys, "--port", port.ToString(CultureInfo.InvariantCulture),
                "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:+DHE-PSK:+PSK");
            await process.WaitForErrorLineAsync("listening on IPv4");
            using PskTlsCredential external = Link.Credential(PskBinder.External);
            await ResumeAsync(port, external, CipherSuite.TLS_AES_128_GCM_SHA256, "hello\n");
        }
        finally
        {
            File.Delete(keys);
        }
    }

    private static async Task ResumeAsync(int port, PskTlsCredential external, CipherSuite suite, string expectedReply)
    {
        var tickets = new List<PskTlsTicket>();
        void Collect(PskTlsClient client)
        {
            while (client.TryTakeTicket(out PskTlsTicket? ticket))
                tickets.Add(ticket);
        }

        PskTlsClientOptions options = new() { Credentials = [external], CipherSuites = [suite] };
        (PskTlsSession session, string reply) = await PeerClient.ExchangeAsync(port, options, "hello\n", Collect);
        Assert.Equal((PskBinder.External, expectedReply), (session.Binder, reply));
        Assert.NotEmpty(tickets);

        PskTlsTicket used = tickets[^1];
        options = new() { Credentials = [used.ToCredential(500), external], CipherSuites = [suite] };
        (session, reply) = await PeerClient.ExchangeAsync(port, options, "hello\n", Collect);
        Assert.Equal((PskBinder.Resumption, expectedReply), (session.Binder, reply));

        // A server that does not know the ticket takes the external identity of the same hello.
        byte[] other = [.. used.Ticket.ToArray().Select(b => (byte)~b)];
        using PskTlsCredential broken = new(other, Link.Key, PskBinder.Resumption, TlsHash.Sha256, obfuscatedTicketAge: 77);
        (session, _) = await PeerClient.ExchangeAsync(port, new PskTlsClientOptions { Credentials = [broken, external], CipherSuites = [suite] }, "hello\n");
        Assert.Equal((PskBinder.External, 1), (session.Binder, session.IdentityIndex));
    }

    private static async Task<PskTlsSession> TalkAsync(EchoServer server, params string[] arguments)
    {
        Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
        string output = await PeerProcess.OpenSslClientAsync(server.Port, "hello\n", [.. Psk, .. arguments]);
        (PskTlsSession? session, TlsError? error) = await serving;
        Assert.True(error is null, output + error);
        Assert.Contains("HELLO", output, StringComparison.Ordinal);
        return session!;
    }
}
