using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using IotPsk.Interop.Tests.Support;
using IotPsk.Tls;

namespace IotPsk.Interop.Tests;

/// <summary>mbedTLS's own sample programs, with records of 1024 bytes: ssl_client2 through the gateway, our client at ssl_server2.</summary>
public sealed class MbedTlsTests(MbedTlsTests.Setting setting) : IClassFixture<MbedTlsTests.Setting>
{
    /// <summary>A fleet whose tunnel leads to a server with a long answer of one line: ssl_client2 takes a record that ends a line for the end of the answer.</summary>
    public sealed class Setting : IDisposable
    {
        private readonly TcpListener _server = new(IPAddress.Loopback, 0);

        public Setting()
        {
            _server.Start();
            _ = AnswerAsync();
            Fleet = new Fleet(lab =>
            {
                lab.Gateway.Configuration["Listeners"]![1]!["Upstream"] = "tcp://127.0.0.1:" + Text(((IPEndPoint)_server.LocalEndpoint).Port);
                lab.Gateway.WriteConfiguration();
            });
        }

        internal Fleet Fleet { get; }

        internal static string Answer { get; } = $"HTTP/1.0 200 OK\r\n\r\n{new string('x', 3000)} the end\n";

        public void Dispose()
        {
            Fleet.Dispose();
            _server.Dispose();
        }

        private async Task AnswerAsync()
        {
            try
            {
                while (true)
                {
                    using Socket socket = await _server.AcceptSocketAsync();
                    // All of the question, so that closing is no reset.
                    byte[] question = new byte[4096];
                    for (int have = 0; !question.AsSpan(0, have).EndsWith("\r\n\r\n"u8);)
                        have += await socket.ReceiveAsync(question.AsMemory(have)) is > 0 and int count ? count : throw new SocketException((int)SocketError.ConnectionAborted);
                    await socket.SendAsync(Encoding.ASCII.GetBytes(Answer));
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The tests are over.
            }
        }
    }

    private Fleet Fleet => setting.Fleet;

    [Theory]
    [InlineData("TLSv1.3", "psk_dhe_ke", "tls13_kex_modes=psk_ephemeral", "groups=secp256r1")]
    [InlineData("TLSv1.3", "psk_dhe_ke", "tls13_kex_modes=psk_all", "groups=x25519")]
    [InlineData("TLSv1.3", "psk_dhe_ke", "groups=secp384r1,secp256r1")]                 // HelloRetryRequest: the gateway lacks P-384
    [InlineData("TLSv1.3", "psk_ke", "tls13_kex_modes=psk")]
    [InlineData("TLSv1.3", "psk_dhe_ke", "force_ciphersuite=TLS1-3-AES-128-CCM-8-SHA256")]
    [InlineData("TLSv1.3", "psk_dhe_ke", "force_ciphersuite=TLS1-3-CHACHA20-POLY1305-SHA256")]
    [InlineData("TLSv1.2", "psk", "force_ciphersuite=TLS-PSK-WITH-AES-128-CCM-8", "max_frag_len=1024")]
    [InlineData("TLSv1.2", "psk", "force_ciphersuite=TLS-PSK-WITH-AES-128-GCM-SHA256", "max_frag_len=512")]
    [InlineData("TLSv1.2", "ecdhe_psk", "force_ciphersuite=TLS-ECDHE-PSK-WITH-CHACHA20-POLY1305-SHA256", "max_frag_len=1024")]
    public void Ssl_client2_asks_through_the_tunnel(string version, string keyExchange, params string[] arguments)
    {
        string device = "mbedtls-" + Support.Fleet.NewPayload();
        (string identity, string key) = Fleet.NewDevice(device, version == "TLSv1.2" ? "tls12" : "tls13");
        int mark = Fleet.Gateway.Mark();
        CommandResult result = ChildProcess.Run(Path.Combine(MbedTlsPrograms.Directory, "ssl_client2"),
            ["server_addr=127.0.0.1", "server_port=" + Text(Fleet.Gateway.TunnelPort), "psk_identity=" + identity, "psk=" + key,
             "force_version=" + version.Replace("TLSv1.", "tls1", StringComparison.Ordinal), "request_page=/", .. arguments]);

        // The answer is longer than its records may be.
        Assert.Contains("200 OK", result.Output, StringComparison.Ordinal);
        Assert.Contains("x the end", result.Output, StringComparison.Ordinal);
        Fleet.Gateway.WaitForLog(mark, $" of {device} ", "opened on http", version, $" {keyExchange} by key,");
    }

    [Fact]
    public async Task Ssl_server2_and_our_client_keep_to_small_records()
    {
        using PskServer server = PskServer.MbedTls("force_version=tls13", "response_size=1000", "buffer_size=4000");
        using PskTlsCredential credential = ServerMatrixTests.Credential();

        // A longer record of either would be an alert: ssl_server2 has room for 1024 bytes, our client asks for 200.
        string request = $"GET /{new string('x', 3000)} HTTP/1.0\r\n\r\n";
        Visit visit = await OurClient.AskAsync(server.Port, new PskTlsClientOptions { Credentials = [credential], RecordSizeLimit = 200 }, Encoding.ASCII.GetBytes(request), 1000);
        Assert.Equal((server.Reply, 1024), (visit.Reply[..server.Reply.Length], visit.Session.PeerRecordSizeLimit));
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
