using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

public class OpenSslInteropTests
{
    private const string Identity = "dev-1~1";
    private static readonly byte[] Key = Convert.FromHexString("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");

    [Theory]
    [InlineData("TLS_AES_128_GCM_SHA256", "P-256")]
    [InlineData("TLS_CHACHA20_POLY1305_SHA256", "X25519")]
    [InlineData("TLS_AES_128_CCM_SHA256", "X25519")]
    [InlineData("TLS_AES_128_CCM_8_SHA256", "P-256")]
    public async Task An_openssl_client_gets_its_data_back(string suite, string group)
    {
        using var server = new EchoServer(new PskTlsServerOptions(), s =>
        {
            Assert.Equal(1, s.PendingIdentityCount);
            Assert.Equal(Identity, System.Text.Encoding.ASCII.GetString(s.GetPendingIdentity(0)));
            s.ProvidePsk(0, Key, PskBinder.External, TlsHash.Sha256);
        });
        Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
        string output = await OpenSslClient.RunAsync(
            server.Port, "hello", "-psk_identity", Identity, "-psk", Convert.ToHexString(Key), "-ciphersuites", suite, "-groups", group, "-cipher", "DEFAULT@SECLEVEL=0");
        (PskTlsSession? session, TlsError? error) = await serving;
        Assert.True(error is null, output + error);
        Assert.Contains("HELLO", output, StringComparison.Ordinal);
        Assert.Equal(suite, session!.CipherSuite.ToString());
    }
}
