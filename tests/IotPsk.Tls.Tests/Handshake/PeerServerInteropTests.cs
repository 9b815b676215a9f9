using System.Net;
using System.Net.Sockets;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

/// <summary>The client role against other people's servers, and gnutls-cli against the server role.</summary>
public class PeerServerInteropTests
{
    private static readonly string Identity = System.Text.Encoding.ASCII.GetString(Link.Identity);
    private static readonly string KeyHex = Convert.ToHexString(Link.Key);

    [Theory]
    [InlineData(CipherSuite.TLS_AES_128_GCM_SHA256, NamedGroup.Secp256r1, "P-256")]
    [InlineData(CipherSuite.TLS_CHACHA20_POLY1305_SHA256, NamedGroup.X25519, "X25519")]
    [InlineData(CipherSuite.TLS_AES_128_GCM_SHA256, NamedGroup.Secp256r1, "X25519")]
    public async Task The_client_talks_to_an_openssl_server(CipherSuite suite, NamedGroup share, string serverGroup)
    {
        int port = FreePort();
        using var process = new PeerProcess(
            "openssl", "s_server", "-accept", $"127.0.0.1:{port}", "-nocert", "-tls1_3", "-psk_identity", Identity, "-psk", KeyHex, "-groups", serverGroup, "-rev");
        await process.WaitForLineAsync("ACCEPT");
        using PskTlsCredential credential = Link.Credential(PskBinder.External);
        var options = new PskTlsClientOptions { Credentials = [credential], CipherSuites = [suite], KeyShareGroups = [share] };
        (PskTlsSession session, string reply) = await ExchangeAsync(port, options, "hello\n");
        Assert.Equal("olleh\n", reply);
        Assert.Equal(suite, session.CipherSuite);
        Assert.Equal(serverGroup == "X25519" && share == NamedGroup.Secp256r1, session.HelloRetried);
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

    private static async Task<(PskTlsSession Session, string Reply)> ExchangeAsync(int port, PskTlsClientOptions options, string line)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, port, limit.Token);
        NetworkStream stream = tcp.GetStream();
        using var client = new PskTlsClient(options);
        var end = new Wire(client);
        byte[] buffer = new byte[20_000];
        await stream.WriteAsync(end.Deliver([]), limit.Token);
        bool asked = false;
        while (!end.Received.Contains((byte)'\n'))
        {
            int read = await stream.ReadAsync(buffer, limit.Token);
            Assert.True(read > 0, $"the server closed: {client.Error}");
            await stream.WriteAsync(end.Deliver(buffer.AsSpan(0, read)), limit.Token);
            Assert.True(client.Error is null, $"{client.Error}");
            if (!client.IsConnected || asked)
                continue;
            asked = true;
            await stream.WriteAsync(end.Write(System.Text.Encoding.ASCII.GetBytes(line)), limit.Token);
        }

        await stream.WriteAsync(end.Shutdown(), limit.Token);
        return (client.Session!, System.Text.Encoding.ASCII.GetString([.. end.Received]));
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
