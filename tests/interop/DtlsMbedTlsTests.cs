using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using IotPsk.Interop.Tests.Support;
using IotPsk.Tls;

namespace IotPsk.Interop.Tests;

/// <summary>DTLS 1.2 with mbedTLS's own sample programs: ssl_client2 at our server, our client at ssl_server2.</summary>
public sealed class DtlsMbedTlsTests
{
    [Theory]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, false)]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, true, "cid=1", "cid_val=dead")]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, true, "cid=1", "cid_val=")]           // it takes ours and wants none
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, false, "max_frag_len=512")]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, true, "cid=1", "cid_val=dead", "max_frag_len=512", "mtu=300")]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256, true, "cid=1", "cid_val=01")]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_CCM, false)]
    [InlineData(CipherSuite.TLS_PSK_WITH_CHACHA20_POLY1305_SHA256, true, "cid=1", "cid_val=0123456789abcdef")]
    [InlineData(CipherSuite.TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256, true, "cid=1", "cid_val=dead", "mtu=256")]
    public void Ssl_client2_exchanges_data_with_our_server(CipherSuite suite, bool connectionId, params string[] arguments)
    {
        using var server = new DtlsEcho(new PskDtlsServerOptions());
        CommandResult result = Client(server.Port, suite, ["exchanges=3", .. arguments]);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.True(result.Output.Split("< Read from server:").Length == 4, result.Output);
        PskTlsSession session = Assert.Single(server.Sessions);
        Assert.Equal((TlsProtocol.Dtls12, suite, true), (session.Version, session.CipherSuite, session.HasExtendedMasterSecret));
        Assert.Equal(connectionId, Assert.Single(server.ConnectionIds));
    }

    [Theory]
    [InlineData("tickets=1")]
    [InlineData("tickets=1", "cid=1", "cid_val=dead")]
    public void Ssl_client2_resumes_with_our_ticket(params string[] arguments)
    {
        using var keys = new TicketKeys(new TicketKey(RandomNumberGenerator.GetBytes(TicketKey.NameLength), RandomNumberGenerator.GetBytes(TicketKey.SecretLength)));
        using var server = new DtlsEcho(new PskDtlsServerOptions { Tickets = new TicketOptions { Keys = keys } });
        CommandResult result = Client(server.Port, CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, ["reconnect=1", .. arguments]);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal([PskBinder.External, PskBinder.Resumption], server.Sessions.Select(session => session.Binder));
    }

    [Fact]
    public void Ssl_client2_with_a_wrong_key_hears_nothing_and_gives_up()
    {
        using var server = new DtlsEcho(new PskDtlsServerOptions());
        CommandResult result = Client(server.Port, CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, ["psk=" + new string('0', 64), "hs_timeout=100-200"]);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("mbedtls_ssl_handshake returned -0x6800", result.Output + result.Error, StringComparison.Ordinal);   // MBEDTLS_ERR_SSL_TIMEOUT
        Assert.Empty(server.Sessions);
    }

    [Theory]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, "")]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, "c0ffee", "cid=1", "cid_val=beef")]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256, "00", "cid=1", "cid_val=beef", "mtu=256")]
    [InlineData(CipherSuite.TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256, "c0ffee", "cid=1", "cid_val=")]
    public void Our_client_exchanges_data_with_ssl_server2(CipherSuite suite, string connectionId, params string[] arguments)
    {
        using PskServer server = PskServer.MbedTls(["dtls=1", "exchanges=1", .. arguments]);
        using PskTlsCredential credential = ServerMatrixTests.Credential();
        using var client = new OurDtlsClient(server.Port, new PskDtlsClientOptions { Credential = credential, CipherSuites = [suite], MaxFragmentLength = 1024 }, Convert.FromHexString(connectionId));
        client.Connect();
        Assert.Equal((TlsProtocol.Dtls12, suite), (client.Engine.Session!.Version, client.Engine.Session.CipherSuite));
        Assert.Equal(connectionId.Length > 0 && arguments.Length > 0, client.Engine.UsesConnectionId);
        client.Send(Encoding.ASCII.GetString(server.Request));
        client.Hear(server.Reply);
    }

    [Fact]
    public void Our_client_resumes_with_the_ticket_of_ssl_server2()
    {
        using PskServer server = PskServer.MbedTls("dtls=1", "exchanges=1", "tickets=1");
        using PskTlsCredential credential = ServerMatrixTests.Credential();
        PskTlsTicket? ticket = null;
        foreach (PskBinder expected in (ReadOnlySpan<PskBinder>)[PskBinder.External, PskBinder.Resumption])
        {
            using var client = new OurDtlsClient(server.Port, new PskDtlsClientOptions { Credential = credential, Ticket = ticket, MaxFragmentLength = 1024, CipherSuites = [CipherSuite.TLS_PSK_WITH_AES_128_CCM_8] });
            client.Connect();
            Assert.Equal(expected, client.Engine.Session!.Binder);
            client.Send(Encoding.ASCII.GetString(server.Request));
            client.Hear(server.Reply);
            if (client.Engine.TryTakeTicket(out PskTlsTicket? next))
                ticket = next;
        }
        ticket?.Dispose();
    }

    private static CommandResult Client(int port, CipherSuite suite, string[] arguments) => ChildProcess.Run(Path.Combine(MbedTlsPrograms.Directory, "ssl_client2"),
        ["dtls=1", "server_addr=127.0.0.1", "server_port=" + port.ToString(CultureInfo.InvariantCulture), "psk=" + PskServer.Key, "psk_identity=" + PskServer.Identity,
         "force_ciphersuite=" + MbedName(suite), "read_timeout=25000", "hs_timeout=1000-8000", .. arguments]);

    private static string MbedName(CipherSuite suite) => suite.ToString().Replace('_', '-');
}
