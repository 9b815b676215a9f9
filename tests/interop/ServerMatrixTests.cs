using System.Text;
using IotPsk.Interop.Tests.Support;
using IotPsk.Tls;

namespace IotPsk.Interop.Tests;

/// <summary>Our client against servers of other makes: data there and back, then the same in a resumed session.</summary>
public sealed class ServerMatrixTests
{
    [Theory]
    [InlineData("mosquitto", "TLSv1.3")]
    [InlineData("stunnel", "TLSv1.3")]
    [InlineData("node", "TLSv1.3")]
    [InlineData("ssl_server2", "TLSv1.3")]
    [InlineData("mosquitto", "TLSv1.2")]
    [InlineData("stunnel", "TLSv1.2")]
    [InlineData("node", "TLSv1.2")]
    [InlineData("ssl_server2", "TLSv1.2")]
    public async Task A_session_is_made_and_resumed(string name, string version)
    {
        using PskServer server = PskServer.Start(name, version);
        using PskTlsCredential credential = Credential();
        Visit first = await AskAsync(server, Options(version, credential, CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256));
        Assert.Equal((version, PskBinder.External), (Name(first.Session.Version), first.Session.Binder));
        using PskTlsTicket ticket = first.Ticket ?? throw new InvalidOperationException("no ticket came");

        using PskTlsCredential? resumption = version == "TLSv1.3" ? ticket.ToCredential(10) : null;
        Visit second = await AskAsync(server, resumption is null
            ? Options(version, credential, CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256, ticket)
            : new PskTlsClientOptions { Credentials = [resumption, credential] });
        Assert.Equal(PskBinder.Resumption, second.Session.Binder);
        second.Ticket?.Dispose();
    }

    [Theory]
    [InlineData("mosquitto")]
    [InlineData("stunnel")]
    [InlineData("node")]
    [InlineData("ssl_server2")]
    public async Task ECDHE_PSK_of_TLS_12(string name)
    {
        using PskServer server = PskServer.Start(name, "TLSv1.2");
        using PskTlsCredential credential = Credential();
        Visit visit = await AskAsync(server, Options("TLSv1.2", credential, CipherSuite.TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256));
        Assert.Equal((PskKeyExchangeMode.PskDheKe, true), (visit.Session.KeyExchangeMode, visit.Session.HasExtendedMasterSecret));
    }

    [Theory]
    [InlineData("openssl")]
    [InlineData("gnutls")]
    [InlineData("stunnel")]
    [InlineData("node")]
    [InlineData("ssl_server2")]
    public async Task Psk_ke_alone(string name)
    {
        using PskServer server = PskServer.Start(name, pskKe: true);
        using PskTlsCredential credential = Credential();
        Visit visit = await AskAsync(server, new PskTlsClientOptions { Credentials = [credential], KeyExchangeModes = [PskKeyExchangeMode.PskKe] });
        Assert.Equal((PskKeyExchangeMode.PskKe, NamedGroup.None), (visit.Session.KeyExchangeMode, visit.Session.Group));
    }

    [Theory]
    [InlineData("openssl")]
    [InlineData("gnutls")]
    [InlineData("stunnel")]
    [InlineData("node")]
    [InlineData("ssl_server2")]
    public async Task A_share_of_another_group_is_retried(string name)
    {
        using PskServer server = PskServer.Start(name, p256: true);
        using PskTlsCredential credential = Credential();
        Visit visit = await AskAsync(server, new PskTlsClientOptions { Credentials = [credential], KeyShareGroups = [NamedGroup.X25519] });
        Assert.Equal((true, NamedGroup.Secp256r1), (visit.Session.HelloRetried, visit.Session.Group));
    }

    private static async Task<Visit> AskAsync(PskServer server, PskTlsClientOptions options)
    {
        Visit visit = await OurClient.AskAsync(server.Port, options, server.Request, server.Reply.Length);
        Assert.Equal(server.Reply, visit.Reply);
        return visit;
    }

    private static PskTlsClientOptions Options(string version, PskTlsCredential credential, CipherSuite suite12, PskTlsTicket? ticket = null) =>
        version == "TLSv1.3"
            ? new PskTlsClientOptions { Credentials = [credential] }
            : new PskTlsClientOptions { Versions = [TlsProtocol.Tls12], Credentials = [credential], Tls12CipherSuites = [suite12], Tls12Ticket = ticket, MaxFragmentLength = 1024 };

    private static string Name(TlsProtocol version) => version == TlsProtocol.Tls13 ? "TLSv1.3" : "TLSv1.2";

    internal static PskTlsCredential Credential() =>
        new(Encoding.ASCII.GetBytes(PskServer.Identity), Convert.FromHexString(PskServer.Key), PskBinder.External, TlsHash.Sha256);
}
