using System.Globalization;
using System.Text;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>Clients of other makes that come back with a ticket of the gateway; openssl is in <see cref="TicketTests"/>.</summary>
public sealed class ResumptionMatrixTests(Fleet fleet) : IClassFixture<Fleet>
{
    private const string PlainPsk = "PSK-AES128-GCM-SHA256";     // no tickets come with ECDHE_PSK
    private static readonly byte[] Request = "GET /healthz HTTP/1.0\r\n\r\n"u8.ToArray();

    [Theory]
    [InlineData("TLSv1.3", "psk_dhe_ke", "new_session_tickets=1")]
    [InlineData("TLSv1.3", "psk_ke", "new_session_tickets=1", "tls13_kex_modes=psk")]
    [InlineData("TLSv1.2", "psk", "force_ciphersuite=TLS-PSK-WITH-AES-128-GCM-SHA256", "max_frag_len=1024")]
    public void Ssl_client2(string version, string keyExchange, params string[] arguments) =>
        ComesBack(version, keyExchange, (identity, key) =>
        {
            CommandResult result = ChildProcess.Run(Path.Combine(MbedTlsPrograms.Directory, "ssl_client2"),
                ["server_addr=127.0.0.1", "server_port=" + Text(fleet.Gateway.TunnelPort), "psk_identity=" + identity, "psk=" + key,
                 "force_version=" + version.Replace("TLSv1.", "tls1", StringComparison.Ordinal), "request_page=/healthz", "reconnect=1", .. arguments]);
            Assert.Equal(2, result.Output.Split(" 200 OK").Length - 1);
        });

    [Theory]
    [InlineData("TLSv1.3", "psk_dhe_ke", "+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:+DHE-PSK:+PSK")]
    [InlineData("TLSv1.2", "psk", "+VERS-TLS1.2:-KX-ALL:+PSK")]
    public void Gnutls(string version, string keyExchange, string priority) =>
        ComesBack(version, keyExchange, (identity, key) =>
        {
            // It makes the first connection for the session alone, and carries data over the second.
            using ChildProcess client = PskClient.Gnutls(fleet.Gateway.TunnelPort, identity, key, priority, "--resume", "--waitresumption");
            client.WaitForLine(line => line.Contains("This is a resumed session", StringComparison.Ordinal), "gnutls-cli is back");
            client.Input.Write(Request);
            client.Input.Flush();
            client.WaitForLine(line => line.Contains(" 200 OK", StringComparison.Ordinal), "the answer comes");
        });

    [Theory]
    [InlineData("TLSv1.3", "psk_dhe_ke", "")]
    [InlineData("TLSv1.2", "psk", PlainPsk)]
    public void Node(string version, string keyExchange, string ciphers) =>
        ComesBack(version, keyExchange, (identity, key) =>
        {
            string answers = PskClient.Node(fleet.Gateway.TunnelPort, version, ciphers, identity, key, Request, again: true).Output;
            Assert.Equal(2, answers.Split(Convert.ToHexStringLower(" 200 OK"u8)).Length - 1);
        });

    [Theory]
    [InlineData("TLSv1.3", "psk_dhe_ke", "")]
    [InlineData("TLSv1.2", "psk", PlainPsk)]
    public void Stunnel(string version, string keyExchange, string ciphers) =>
        ComesBack(version, keyExchange, (identity, key) =>
        {
            int port = FreePorts.Take();
            string directory = fleet.Lab.Directory.Create("stunnel-" + version);
            using ChildProcess stunnel = PskServer.StartStunnel(directory, PskServer.KeyFile(directory, identity, key),
                $"client = yes\naccept = 127.0.0.1:{Text(port)}\nconnect = 127.0.0.1:{Text(fleet.Gateway.TunnelPort)}\nsslVersion = {version}\n", ciphers);
            for (int i = 0; i < 2; i++)
            {
                using var plain = new RawConnection(port);
                plain.Send(Request);
                Assert.Contains(" 200 OK", Encoding.ASCII.GetString(plain.ReceiveToEnd()), StringComparison.Ordinal);
            }
        });

    // The gateway tells two sessions of a new device: one by its key, then one by a ticket, without the TPM.
    private void ComesBack(string version, string keyExchange, Action<string, string> twice)
    {
        string device = "back-" + Fleet.NewPayload();
        (string identity, string key) = fleet.NewDevice(device, version == "TLSv1.2" ? "tls12" : "tls13");
        int mark = fleet.Gateway.Mark();
        twice(identity, key);
        fleet.Gateway.WaitForLog(mark, $" of {device} ", "opened on http", version, $" {keyExchange} by key,");
        fleet.Gateway.WaitForLog(mark, $" of {device} ", "opened on http", version, $" {keyExchange} by ticket,", " 0 TPM commands");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
