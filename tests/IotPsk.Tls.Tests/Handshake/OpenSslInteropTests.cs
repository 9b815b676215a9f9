using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

public class OpenSslInteropTests
{
    private static readonly string Identity = System.Text.Encoding.ASCII.GetString(Link.Identity);
    private static readonly string[] Psk = ["-tls1_3", "-psk_identity", Identity, "-psk", Convert.ToHexString(Link.Key), "-cipher", "DEFAULT@SECLEVEL=0"];

    [Trait(Needs.Name, Needs.LibCrypto)]
    [Theory]
    [InlineData("TLS_AES_128_GCM_SHA256", "P-256")]
    [InlineData("TLS_CHACHA20_POLY1305_SHA256", "X25519")]
    [InlineData("TLS_AES_128_CCM_SHA256", "X25519")]
    [InlineData("TLS_AES_128_CCM_8_SHA256", "P-256")]
    public async Task An_openssl_client_gets_its_data_back(string suite, string group)
    {
        (PskTlsSession? session, _) = await TalkAsync(new PskTlsServerOptions(), "hello\n", "-ciphersuites", suite, "-groups", group);
        Assert.Equal(suite, session!.CipherSuite.ToString());
        Assert.Equal(group == "P-256" ? NamedGroup.Secp256r1 : NamedGroup.X25519, session.Group);
        Assert.False(session.HelloRetried);
    }

    [Fact]
    public async Task A_share_of_another_group_is_retried()
    {
        (PskTlsSession? session, _) = await TalkAsync(new PskTlsServerOptions { Groups = [NamedGroup.Secp256r1] }, "hello\n", "-groups", "X25519:P-256");
        Assert.True(session!.HelloRetried);
        Assert.Equal(NamedGroup.Secp256r1, session.Group);
    }

    [Fact]
    public async Task Psk_ke_works_where_it_is_allowed()
    {
        (PskTlsSession? session, _) = await TalkAsync(new PskTlsServerOptions { AllowPskKe = true }, "hello\n", "-groups", "X448", "-allow_no_dhe_kex");
        Assert.Equal(PskKeyExchangeMode.PskKe, session!.KeyExchangeMode);
    }

    [Fact]
    public async Task A_client_that_updates_its_keys_and_asks_for_ours_is_answered()
    {
        using var server = new EchoServer(new PskTlsServerOptions(), Answer);
        Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
        using var process = new PeerProcess("openssl", ["s_client", "-connect", $"127.0.0.1:{server.Port}", .. Psk]);

        // A line that begins with K is a command to s_client: update, and ask for the same.
        await process.SendAsync("K\n");
        await process.WaitForErrorLineAsync("KEYUPDATE");
        string output = await process.TalkAsync("hello\n");
        Assert.Null((await serving).Error);
        Assert.Contains("HELLO", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Padded_records_are_read() =>
        Assert.NotNull((await TalkAsync(new PskTlsServerOptions(), "hello\n", "-record_padding", "512")).Session);

    [Fact]
    public async Task An_application_protocol_and_a_name_are_understood()
    {
        (PskTlsSession? session, _) = await TalkAsync(
            new PskTlsServerOptions { ApplicationProtocols = ["mqtt"u8.ToArray()] }, "hello\n", "-alpn", "h2,mqtt", "-servername", "gateway.example");
        Assert.Equal("mqtt"u8.ToArray(), session!.ApplicationProtocol.ToArray());
    }

    [Theory]
    [InlineData("tlsv1 alert decrypt error", TlsErrorReason.BinderMismatch, "-tls1_3", "-psk_identity", "dev-1~1", "-psk", "00")]
    [InlineData("sslv3 alert handshake failure", TlsErrorReason.NoCommonCipherSuite, "-tls1_2")]
    [InlineData("sslv3 alert handshake failure", TlsErrorReason.NoPskOffered, "-tls1_3")]
    public async Task A_client_without_the_key_learns_why_it_is_refused(string expected, TlsErrorReason reason, params string[] arguments)
    {
        using var server = new EchoServer(new PskTlsServerOptions(), Answer);
        Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
        string output = await PeerProcess.OpenSslClientAsync(server.Port, "", arguments);
        Assert.Equal(reason, (await serving).Error?.Reason);
        Assert.Contains(expected, output, StringComparison.Ordinal);
    }

    private static async Task<(PskTlsSession? Session, string Output)> TalkAsync(PskTlsServerOptions options, string input, params string[] arguments)
    {
        using var server = new EchoServer(options, Answer);
        Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
        string output = await PeerProcess.OpenSslClientAsync(server.Port, input, [.. Psk, .. arguments]);
        (PskTlsSession? session, TlsError? error) = await serving;
        Assert.True(error is null, output + error);
        Assert.Contains("HELLO", output, StringComparison.Ordinal);
        return (session, output);
    }

    private static void Answer(PskTlsServer server)
    {
        Assert.Equal(1, server.PendingIdentityCount);
        Assert.Equal(Link.Identity, server.GetPendingIdentity(0).ToArray());
        server.ProvidePsk(0, Link.Key, PskBinder.External, TlsHash.Sha256);
    }
}
