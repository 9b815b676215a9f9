using System.Globalization;
using System.Text;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Tls12;

/// <summary>TLS 1.2 against openssl and gnutls, both ways: a cell is a line there and a line back.</summary>
public class Tls12PeerTests
{
    private const string GnutlsKeyExchanges = "+ECDHE-PSK:+PSK";

    private static readonly string Identity = Encoding.ASCII.GetString(Link.Identity);
    private static readonly string KeyHex = Convert.ToHexString(Link.Key);

    /// <summary>What both peers have; of ECDHE_PSK with an AEAD that is ChaCha20 alone.</summary>
    public static TheoryData<CipherSuite, string, string> PeerSuites => new()
    {
        { CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256, "PSK-AES128-GCM-SHA256", "PSK:+AES-128-GCM" },
        { CipherSuite.TLS_PSK_WITH_AES_128_CCM, "PSK-AES128-CCM", "PSK:+AES-128-CCM" },
        { CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, "PSK-AES128-CCM8", "PSK:+AES-128-CCM-8" },
        { CipherSuite.TLS_PSK_WITH_CHACHA20_POLY1305_SHA256, "PSK-CHACHA20-POLY1305", "PSK:+CHACHA20-POLY1305" },
        { CipherSuite.TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-PSK-CHACHA20-POLY1305", "ECDHE-PSK:+CHACHA20-POLY1305" },
    };

    [Theory]
    [MemberData(nameof(PeerSuites))]
    public async Task An_openssl_client_gets_its_data_back(CipherSuite suite, string openssl, string gnutls)
    {
        Assert.NotEmpty(gnutls);
        (PskTlsSession session, _) = await ServeOpenSslAsync(new PskTlsServerOptions(), "-cipher", $"{openssl}:@SECLEVEL=0");
        Assert.Equal((suite, TlsProtocol.Tls12, true), (session.CipherSuite, session.Version, session.HasExtendedMasterSecret));
    }

    [Theory]
    [MemberData(nameof(PeerSuites))]
    public async Task The_client_talks_to_an_openssl_server(CipherSuite suite, string openssl, string gnutls)
    {
        Assert.NotEmpty(gnutls);
        PskTlsSession session = await AskOpenSslAsync(Suites.Client(suite), "-cipher", $"{openssl}:@SECLEVEL=0", "-psk_hint", "fleet");
        Assert.Equal((suite, true), (session.CipherSuite, session.HasExtendedMasterSecret));
    }

    [Theory]
    [MemberData(nameof(PeerSuites))]
    public async Task A_gnutls_client_gets_its_data_back(CipherSuite suite, string openssl, string gnutls)
    {
        Assert.NotEmpty(openssl);
        PskTlsSession session = await ServeGnutlsAsync(new PskTlsServerOptions(), $"NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:-CIPHER-ALL:-MAC-ALL:+AEAD:+{gnutls}");
        Assert.Equal((suite, true), (session.CipherSuite, session.HasExtendedMasterSecret));
    }

    [Theory]
    [MemberData(nameof(PeerSuites))]
    public async Task The_client_talks_to_a_gnutls_server(CipherSuite suite, string openssl, string gnutls)
    {
        Assert.NotEmpty(openssl);
        (PskTlsSession session, string reply) = await AskGnutlsAsync(Suites.Client(suite), $"NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:-CIPHER-ALL:-MAC-ALL:+AEAD:+{gnutls}");
        Assert.Equal("hello\n", reply);
        Assert.Equal(suite, session.CipherSuite);
    }

    [Theory]
    [InlineData("P-256", NamedGroup.Secp256r1)]
    [InlineData("X25519", NamedGroup.X25519)]
    [Trait(Needs.Name, Needs.LibCrypto)]
    public async Task Both_groups_work_with_openssl(string name, NamedGroup group)
    {
        (PskTlsSession served, _) = await ServeOpenSslAsync(new PskTlsServerOptions(), "-cipher", "ECDHE-PSK-CHACHA20-POLY1305", "-groups", name);
        Assert.Equal(group, served.Group);
        PskTlsSession asked = await AskOpenSslAsync(Suites.Client(CipherSuite.TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256), "-cipher", "ECDHE-PSK-CHACHA20-POLY1305", "-groups", name);
        Assert.Equal(group, asked.Group);
    }

    [Fact]
    public async Task Small_fragments_are_kept_with_openssl_both_ways()
    {
        (PskTlsSession served, string output) = await ServeOpenSslAsync(new PskTlsServerOptions(), "-cipher", "PSK", "-maxfraglen", "512");
        Assert.Equal(512, served.PeerRecordSizeLimit);
        Assert.Contains("HELLO", output, StringComparison.Ordinal);
        PskTlsSession asked = await AskOpenSslAsync(
            new PskTlsClientOptions { Versions = [TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)], MaxFragmentLength = 1024, RecordSizeLimit = 0 }, "-cipher", "PSK");
        Assert.Equal(1024, asked.PeerRecordSizeLimit);
    }

    [Fact]
    public async Task Small_records_are_kept_with_gnutls_both_ways()
    {
        PskTlsSession served = await ServeGnutlsAsync(new PskTlsServerOptions { RecordSizeLimit = 512 }, "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+PSK", "--recordsize", "512");
        Assert.Equal(512, served.PeerRecordSizeLimit);
        (PskTlsSession asked, string reply) = await AskGnutlsAsync(
            new PskTlsClientOptions { Versions = [TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)], RecordSizeLimit = 600 },
            $"NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:{GnutlsKeyExchanges}", "--recordsize", "700");
        Assert.Equal(("hello\n", 700), (reply, asked.PeerRecordSizeLimit));
    }

    [Fact]
    public async Task A_client_of_both_versions_meets_servers_of_either()
    {
        var options = new PskTlsClientOptions { Versions = [TlsProtocol.Tls13, TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)] };
        Assert.Equal(TlsProtocol.Tls12, (await AskOpenSslAsync(options, "-cipher", "PSK")).Version);
        Assert.Equal(TlsProtocol.Tls13, (await AskOpenSslAsync(options, "-tls1_3")).Version);
        (PskTlsSession older, _) = await AskGnutlsAsync(options, $"NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:{GnutlsKeyExchanges}");
        (PskTlsSession newer, _) = await AskGnutlsAsync(options, $"NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.3:-KX-ALL:{GnutlsKeyExchanges}");
        Assert.Equal((TlsProtocol.Tls12, TlsProtocol.Tls13), (older.Version, newer.Version));
    }

    [Fact]
    public async Task An_openssl_client_of_all_versions_gets_TLS_13_or_what_is_left()
    {
        using var server = new EchoServer(new PskTlsServerOptions { AllowTls13 = false }, Answer);
        Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
        string output = await PeerProcess.OpenSslClientAsync(server.Port, "hello\n", "-psk_identity", Identity, "-psk", KeyHex, "-cipher", "PSK");
        (PskTlsSession? session, TlsError? error) = await serving;
        Assert.True(error is null, output + error);
        Assert.Equal(TlsProtocol.Tls12, session!.Version);
        using var both = new EchoServer(new PskTlsServerOptions(), Answer);
        serving = both.ServeOneAsync();
        await PeerProcess.OpenSslClientAsync(both.Port, "hello\n", "-psk_identity", Identity, "-psk", KeyHex, "-cipher", "PSK");
        Assert.Equal(TlsProtocol.Tls13, (await serving).Session?.Version);
    }

    [Fact]
    public async Task Openssl_learns_that_the_key_is_wrong_and_that_renegotiation_is_not_done()
    {
        using var server = new EchoServer(new PskTlsServerOptions(), Answer);
        Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
        string output = await PeerProcess.OpenSslClientAsync(server.Port, "", "-tls1_2", "-psk_identity", Identity, "-psk", "00", "-cipher", "PSK");
        Assert.Equal(TlsErrorReason.BadRecordMac, (await serving).Error?.Reason);
        Assert.Contains("bad record mac", output, StringComparison.Ordinal);

        // A line that begins with R asks for a renegotiation.
        using var again = new EchoServer(new PskTlsServerOptions(), Answer);
        serving = again.ServeOneAsync();
        output = await PeerProcess.OpenSslClientAsync(again.Port, "R\n", "-tls1_2", "-psk_identity", Identity, "-psk", KeyHex, "-cipher", "PSK");
        Assert.Contains("no renegotiation", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Openssl_exports_the_same()
    {
        byte[] exported = new byte[40];
        using var server = new EchoServer(new PskTlsServerOptions(), Answer) { AtEnd = s => s.ExportKeyingMaterial("EXPERIMENTAL iotpsk"u8, default, exported) };
        Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
        string output = await PeerProcess.OpenSslClientAsync(
            server.Port, "hello\n", "-tls1_2", "-psk_identity", Identity, "-psk", KeyHex, "-cipher", "PSK", "-keymatexport", "EXPERIMENTAL iotpsk", "-keymatexportlen", "40");
        Assert.Null((await serving).Error);
        Assert.Contains($"Keying material: {Convert.ToHexString(exported)}", output, StringComparison.Ordinal);
    }

    [CommandFact("tshark")]
    public async Task Tshark_reads_the_MQTT_inside_with_the_log_and_not_without()
    {
        var lines = new List<string>();
        var capture = new Capture(8883);
        using var link = Tls12Link.Create(new PskTlsClientOptions
        {
            Versions = [TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)], KeyLog = lines.Add, Tls12CipherSuites = [CipherSuite.TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256],
        });
        link.Tamper = (toServer, bytes) =>
        {
            capture.Add(toServer, bytes);
            return bytes;
        };
        link.Connect();
        capture.Add(true, link.ClientEnd.Write([0x10, 19, 0, 4, .. "MQTT"u8, 4, 2, 0, 60, 0, 7, .. "sensor1"u8]));
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string file = Path.Combine(folder, "link.pcap");
            string log = Path.Combine(folder, "keys.log");
            capture.Save(file);
            await File.WriteAllLinesAsync(log, lines, Encoding.ASCII);
            Assert.Contains("sensor1", await ReadAsync(file, $"tls.keylog_file:{log}"), StringComparison.Ordinal);
            Assert.DoesNotContain("sensor1", await ReadAsync(file, "tls.keylog_file:"), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<string> ReadAsync(string file, string preference)
    {
        using var process = new PeerProcess("tshark", "-r", file, "-o", preference, "-Y", "mqtt", "-T", "fields", "-e", "mqtt.clientid");
        return await process.TalkAsync("");
    }

    private static async Task<(PskTlsSession Session, string Output)> ServeOpenSslAsync(PskTlsServerOptions options, params string[] arguments)
    {
        using var server = new EchoServer(options, Answer);
        Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
        string output = await PeerProcess.OpenSslClientAsync(server.Port, "hello\n", ["-tls1_2", "-psk_identity", Identity, "-psk", KeyHex, .. arguments]);
        (PskTlsSession? session, TlsError? error) = await serving;
        Assert.True(error is null, output + error);
        Assert.Contains("HELLO", output, StringComparison.Ordinal);
        return (session!, output);
    }

    private static async Task<PskTlsSession> AskOpenSslAsync(PskTlsClientOptions options, params string[] arguments)
    {
        int port = FreePorts.Take();
        string[] version = arguments.Contains("-tls1_3") ? [] : ["-tls1_2"];
        using var process = new PeerProcess(
            "openssl", ["s_server", "-accept", $"127.0.0.1:{port}", "-nocert", "-psk_identity", Identity, "-psk", KeyHex, "-rev", .. version, .. arguments]);
        await process.WaitForLineAsync("ACCEPT");
        (PskTlsSession session, string reply) = await PeerClient.ExchangeAsync(port, options, "hello\n");
        Assert.Equal("olleh\n", reply);
        return session;
    }

    private static async Task<PskTlsSession> ServeGnutlsAsync(PskTlsServerOptions options, string priority, params string[] arguments)
    {
        using var server = new EchoServer(options, Answer) { Repeat = 20 };
        Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
        using var process = new PeerProcess(
            "gnutls-cli",
            ["--insecure", "--port", server.Port.ToString(CultureInfo.InvariantCulture), "--pskusername", Identity, "--pskkey", KeyHex, "--priority", priority, .. arguments, "127.0.0.1"]);
        string line = new('x', 400);
        string output = await process.TalkAsync(line + "\n");
        (PskTlsSession? session, TlsError? error) = await serving;
        Assert.True(error is null, output + error);

        // gnutls-cli 3.7 crashes when it prints about an ECDHE-PSK session of TLS 1.2, with its own server too: then the handshake is all there is to see.
        if (session!.Group == NamedGroup.None)
            Assert.Contains(line.ToUpperInvariant(), output, StringComparison.Ordinal);
        return session;
    }

    private static async Task<(PskTlsSession Session, string Reply)> AskGnutlsAsync(PskTlsClientOptions options, string priority, params string[] arguments)
    {
        int port = FreePorts.Take();
        string passwords = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(passwords, $"{Identity}:{KeyHex}\n");
            using var process = new PeerProcess(
                "gnutls-serv", ["--echo", "--port", port.ToString(CultureInfo.InvariantCulture), "--pskpasswd", passwords, "--priority", priority, .. arguments]);
            await process.WaitForErrorLineAsync("listening on");
            return await PeerClient.ExchangeAsync(port, options, "hello\n");
        }
        finally
        {
            File.Delete(passwords);
        }
    }

    private static void Answer(PskTlsServer server)
    {
        Assert.Equal(Link.Identity, server.GetPendingIdentity(0).ToArray());
        Tls12Link.Provide(server);
    }
}
