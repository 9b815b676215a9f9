using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

/// <summary>The client role against other people's servers, and gnutls-cli against the server role.</summary>
public class PeerServerInteropTests
{
    private static readonly string Identity = System.Text.Encoding.ASCII.GetString(Link.Identity);
    private static readonly string KeyHex = Convert.ToHexString(Link.Key);

    [Trait(Needs.Name, Needs.LibCrypto)]
    [Theory]
    [InlineData(CipherSuite.TLS_AES_128_GCM_SHA256, NamedGroup.Secp256r1, "P-256")]
    [InlineData(CipherSuite.TLS_CHACHA20_POLY1305_SHA256, NamedGroup.X25519, "X25519")]
    [InlineData(CipherSuite.TLS_AES_128_GCM_SHA256, NamedGroup.Secp256r1, "X25519")]
    public async Task The_client_talks_to_an_openssl_server(CipherSuite suite, NamedGroup share, string serverGroup)
    {
        int port = FreePorts.Take();
        using var process = new PeerProcess(
            "openssl", "s_server", "-accept", $"127.0.0.1:{port}", "-nocert", "-tls1_3", "-psk_identity", Identity, "-psk", KeyHex, "-groups", serverGroup, "-rev");
        await process.WaitForLineAsync("ACCEPT");
        using PskTlsCredential credential = Link.Credential(PskBinder.External);
        var options = new PskTlsClientOptions { Credentials = [credential], CipherSuites = [suite], KeyShareGroups = [share] };
        (PskTlsSession session, string reply) = await PeerClient.ExchangeAsync(port, options, "hello\n");
        Assert.Equal("olleh\n", reply);
        Assert.Equal(suite, session.CipherSuite);
        Assert.Equal(serverGroup == "X25519" && share == NamedGroup.Secp256r1, session.HelloRetried);
    }

    [Fact]
    public async Task An_openssl_server_answers_our_request_for_new_keys()
    {
        int port = FreePorts.Take();
        using var process = new PeerProcess(
            "openssl", "s_server", "-accept", $"127.0.0.1:{port}", "-nocert", "-tls1_3", "-psk_identity", Identity, "-psk", KeyHex, "-rev");
        await process.WaitForLineAsync("ACCEPT");
        using PskTlsCredential credential = Link.Credential(PskBinder.External);
        ulong sequence = 0;
        (_, string reply) = await PeerClient.ExchangeAsync(
            port, new PskTlsClientOptions { Credentials = [credential] }, "hello\n",
            client => sequence = client.Records.ReadProtection!.Sequence,
            client => client.UpdateKeys(requestPeer: true));
        Assert.Equal("olleh\n", reply);

        // Its data came as the first record under new keys; two tickets went before under the old ones.
        Assert.Equal(1UL, sequence);
    }

    [Fact]
    public async Task A_gnutls_server_and_our_client_keep_to_small_records()
    {
        int port = FreePorts.Take();
        string keys = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(keys, $"{Identity}:{KeyHex.ToLowerInvariant()}\n");
            using var process = new PeerProcess(
                "gnutls-serv", "--echo", "--pskpasswd", keys, "--recordsize", "512", "--port", port.ToString(System.Globalization.CultureInfo.InvariantCulture),
                "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:+DHE-PSK:+PSK");
            await process.WaitForErrorLineAsync("listening on IPv4");
            using PskTlsCredential credential = Link.Credential(PskBinder.External);
            string line = new string('x', 3000) + "\n";

            // A longer record of the server would be a record_overflow here.
            var options = new PskTlsClientOptions { Credentials = [credential], RecordSizeLimit = 512 };
            (PskTlsSession session, string reply) = await PeerClient.ExchangeAsync(port, options, line);
            Assert.Equal(line, reply);
            Assert.Equal(513, session.PeerRecordSizeLimit);
        }
        finally
        {
            File.Delete(keys);
        }
    }

    [Fact]
    public async Task A_gnutls_client_keeps_to_small_records()
    {
        using var server = new EchoServer(new PskTlsServerOptions { RecordSizeLimit = 513 }, s =>
        {
            Assert.Equal(Link.Identity, s.GetPendingIdentity(0).ToArray());
            s.ProvidePsk(0, Link.Key, PskBinder.External, TlsHash.Sha256);
        })
        {
            Repeat = 5,
        };
        Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
        using var process = new PeerProcess(
            "gnutls-cli", "--insecure", "--recordsize", "512", "--port", server.Port.ToString(System.Globalization.CultureInfo.InvariantCulture), "--pskusername", Identity,
            "--pskkey", KeyHex, "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:+DHE-PSK:+PSK", "127.0.0.1");
        string line = new('x', 400);
        string output = await process.TalkAsync(line + "\n");
        (PskTlsSession? session, TlsError? error) = await serving;
        Assert.True(error is null, output + error);
        Assert.Contains(line.ToUpperInvariant(), output, StringComparison.Ordinal);
        Assert.Equal(513, session!.PeerRecordSizeLimit);
    }
}
