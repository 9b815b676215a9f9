using System.Globalization;
using System.Text;
using IotPsk.Tls.Tests.Support;
using IotPsk.Tls.Tests.Tls12;

namespace IotPsk.Tls.Tests.Dtls12;

/// <summary>DTLS 1.2 against openssl and gnutls, both ways: a cell is a line there and a line back.</summary>
public class DtlsPeerTests
{
    private static readonly string Identity = Encoding.ASCII.GetString(Link.Identity);
    private static readonly string KeyHex = Convert.ToHexString(Link.Key);

    public static TheoryData<CipherSuite, string, string> PeerSuites => Tls12PeerTests.PeerSuites;

    [Theory]
    [MemberData(nameof(PeerSuites))]
    public async Task An_openssl_client_gets_its_data_back(CipherSuite suite, string openssl, string gnutls)
    {
        Assert.NotEmpty(gnutls);
        using var server = new UdpEchoServer(new PskDtlsServerOptions(), Answer);
        (PskTlsSession session, _) = await ServeOpenSslAsync(server, "-cipher", $"{openssl}:@SECLEVEL=0");
        Assert.Equal((suite, TlsProtocol.Dtls12, true), (session.CipherSuite, session.Version, session.HasExtendedMasterSecret));
        Assert.True(server.Requests >= 1 && server.Accepted == 1);
    }

    [Theory]
    [MemberData(nameof(PeerSuites))]
    public async Task The_client_talks_to_an_openssl_server_that_wants_cookies(CipherSuite suite, string openssl, string gnutls)
    {
        Assert.NotEmpty(gnutls);
        PskTlsSession session = await AskOpenSslAsync(DtlsTickets.Client(suite), "-cipher", $"{openssl}:@SECLEVEL=0", "-psk_hint", "fleet", "-listen");
        Assert.Equal((suite, true), (session.CipherSuite, session.HasExtendedMasterSecret));
    }

    [Theory]
    [MemberData(nameof(PeerSuites))]
    public async Task A_gnutls_client_gets_its_data_back(CipherSuite suite, string openssl, string gnutls)
    {
        Assert.NotEmpty(openssl);

        // gnutls-cli 3.7 crashes when it prints about an ECDHE-PSK session, with its own server too: then the handshake is all there is to see.
        bool survives = !gnutls.StartsWith("ECDHE", StringComparison.Ordinal);
        using var server = new UdpEchoServer(new PskDtlsServerOptions(), Answer) { WaitsForLine = survives };
        Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
        using var process = new PeerProcess(
            "gnutls-cli", "--udp", "--insecure", "--port", server.Port.ToString(CultureInfo.InvariantCulture), "--pskusername", Identity, "--pskkey", KeyHex,
            "--priority", Priority(gnutls), "127.0.0.1");
        string output = await process.TalkAsync("hello\n");
        (PskTlsSession? session, TlsError? error) = await serving;
        Assert.True(error is null, output + error);
        Assert.Equal((suite, true, 1), (session!.CipherSuite, session.HasExtendedMasterSecret, server.Accepted));
        if (survives)
            Assert.Contains("HELLO", output, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(PeerSuites))]
    public async Task The_client_talks_to_a_gnutls_server(CipherSuite suite, string openssl, string gnutls)
    {
        Assert.NotEmpty(openssl);
        int port = FreePorts.Take();
        string passwords = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(passwords, $"{Identity}:{KeyHex}\n");
            using var process = new PeerProcess(
                "gnutls-serv", "--udp", "--echo", "--port", port.ToString(CultureInfo.InvariantCulture), "--pskpasswd", passwords, "--priority", Priority(gnutls));
            await process.WaitForErrorLineAsync("listening on");
            (PskTlsSession session, string reply) = await UdpPeerClient.ExchangeAsync(port, DtlsTickets.Client(suite), "hello\n");
            Assert.Equal((suite, "hello\n"), (session.CipherSuite, reply));
        }
        finally
        {
            File.Delete(passwords);
        }
    }

    [Fact]
    public async Task Small_datagrams_and_fragments_are_kept_with_openssl_both_ways()
    {
        using var server = new UdpEchoServer(new PskDtlsServerOptions { Mtu = 256 }, Answer);
        (PskTlsSession served, _) = await ServeOpenSslAsync(server, "-cipher", "PSK", "-maxfraglen", "512", "-mtu", "256");
        Assert.Equal(512, served.PeerRecordSizeLimit);
        var options = new PskDtlsClientOptions { Credential = Link.Credential(PskBinder.External), MaxFragmentLength = 512, RecordSizeLimit = 0, Mtu = 256, ServerName = new string('n', 200) };
        PskTlsSession asked = await AskOpenSslAsync(options, "-cipher", "PSK", "-mtu", "256");
        Assert.Equal(512, asked.PeerRecordSizeLimit);
    }

    [Fact]
    public async Task Openssl_resumes_by_ticket_and_by_session_id_at_our_server()
    {
        foreach (string[] kind in (string[][])[[], ["-no_ticket"]])
        {
            using var tickets = new DtlsTickets();
            string file = Path.GetTempFileName();
            try
            {
                using var first = new UdpEchoServer(tickets.Options(), tickets.Answer);
                (PskTlsSession session, string output) = await ServeOpenSslAsync(first, ["-cipher", "PSK-AES128-GCM-SHA256", "-sess_out", file, .. kind]);
                Assert.Equal(PskBinder.External, session.Binder);
                using var second = new UdpEchoServer(tickets.Options(), tickets.Answer);
                (session, output) = await ServeOpenSslAsync(second, ["-cipher", "PSK-AES128-GCM-SHA256", "-sess_in", file, .. kind]);
                Assert.Equal(PskBinder.Resumption, session.Binder);
                Assert.Contains("Reused", output, StringComparison.Ordinal);
            }
            finally
            {
                File.Delete(file);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_client_resumes_at_an_openssl_server(bool bySessionId)
    {
        int port = FreePorts.Take();
        string[] kind = bySessionId ? ["-no_ticket"] : [];
        using var process = new PeerProcess(
            "openssl", ["s_server", "-dtls1_2", "-accept", $"127.0.0.1:{port}", "-nocert", "-psk_identity", Identity, "-psk", KeyHex, "-cipher", "PSK-AES128-CCM8:@SECLEVEL=0", .. kind]);
        await process.WaitForLineAsync("ACCEPT");
        PskTlsTicket? ticket = null;
        await TalkAsync(process, port, DtlsTickets.Client(), client => client.TryTakeTicket(out ticket));
        Assert.NotNull(ticket);
        using PskTlsTicket kept = ticket;
        PskTlsSession session = await TalkAsync(process, port, DtlsTickets.Client(ticket: kept));
        Assert.Equal(PskBinder.Resumption, session.Binder);
    }

    [Fact]
    public async Task Openssl_with_a_wrong_key_meets_silence()
    {
        using var server = new UdpEchoServer(new PskDtlsServerOptions { RetransmissionTimer = 50, MaxRetransmissions = 3 }, Answer);
        Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
        using var process = new PeerProcess("openssl", "s_client", "-dtls1_2", "-connect", $"127.0.0.1:{server.Port}", "-psk_identity", Identity, "-psk", "00", "-cipher", "PSK");
        Assert.Equal(TlsErrorReason.HandshakeTimedOut, (await serving).Error?.Reason);
    }

    [Fact]
    public async Task Openssl_exports_the_same()
    {
        byte[] exported = new byte[40];
        using var server = new UdpEchoServer(new PskDtlsServerOptions { KeepsExporter = true }, Answer) { AtEnd = s => s.ExportKeyingMaterial("EXPERIMENTAL iotpsk"u8, default, exported) };
        (_, string output) = await ServeOpenSslAsync(server, "-cipher", "PSK", "-keymatexport", "EXPERIMENTAL iotpsk", "-keymatexportlen", "40");
        Assert.Contains($"Keying material: {Convert.ToHexString(exported)}", output, StringComparison.Ordinal);
    }

    private static string Priority(string suite) => $"NORMAL:-VERS-ALL:+VERS-DTLS1.2:-KX-ALL:-CIPHER-ALL:-MAC-ALL:+AEAD:+{suite}";

    private static async Task<(PskTlsSession Session, string Output)> ServeOpenSslAsync(UdpEchoServer server, params string[] arguments)
    {
        Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
        using var process = new PeerProcess(
            "openssl", ["s_client", "-dtls1_2", "-connect", $"127.0.0.1:{server.Port}", "-psk_identity", Identity, "-psk", KeyHex, .. arguments]);
        string output = await process.TalkAsync("hello\n");
        (PskTlsSession? session, TlsError? error) = await serving;
        Assert.True(error is null, output + error);
        Assert.Contains("HELLO", output, StringComparison.Ordinal);
        return (session!, output);
    }

    private static async Task<PskTlsSession> AskOpenSslAsync(PskDtlsClientOptions options, params string[] arguments)
    {
        int port = FreePorts.Take();
        using var process = new PeerProcess(
            "openssl", ["s_server", "-dtls1_2", "-accept", $"127.0.0.1:{port}", "-nocert", "-psk_identity", Identity, "-psk", KeyHex, .. arguments]);
        await process.WaitForLineAsync("ACCEPT");
        return await TalkAsync(process, port, options);
    }

    /// <summary>A line to a server at a terminal, and one back. Over datagrams openssl echoes nothing by itself.</summary>
    private static async Task<PskTlsSession> TalkAsync(PeerProcess process, int port, PskDtlsClientOptions options, Action<PskDtlsClient>? atEnd = null)
    {
        Task<(PskTlsSession Session, string Reply)> talking = UdpPeerClient.ExchangeAsync(port, options, "hello\n", atEnd: atEnd);
        await Task.WhenAny(talking, process.WaitForLineAsync("hello"));
        await process.SendAsync("olleh\n");
        (PskTlsSession session, string reply) = await talking;
        Assert.Equal("olleh\n", reply);
        return session;
    }

    private static void Answer(PskDtlsServer server)
    {
        Assert.Equal(Link.Identity, server.GetPendingIdentity(0).ToArray());
        server.ProvidePsk(Link.Key);
    }
}
