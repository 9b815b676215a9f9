using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

public class OptionsTests
{
    [Fact]
    public void Wrong_options_are_refused_when_they_are_set()
    {
        Assert.Throws<ArgumentException>(() => new PskTlsServerOptions { CipherSuites = [] });
        Assert.Throws<ArgumentException>(() => new PskTlsServerOptions { CipherSuites = [(CipherSuite)0x00a8] });
        Assert.Throws<ArgumentException>(() => new PskTlsServerOptions { CipherSuites = [CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_AES_128_GCM_SHA256] });
        Assert.Throws<ArgumentException>(() => new PskTlsServerOptions { Groups = [NamedGroup.None] });
        Assert.Throws<ArgumentException>(() => new PskTlsServerOptions { ApplicationProtocols = [ReadOnlyMemory<byte>.Empty] });
        Assert.Throws<ArgumentException>(() => new PskTlsServerOptions { ApplicationProtocols = [new byte[256]] });
        Assert.Throws<ArgumentException>(() => new PskTlsClientOptions { Credentials = [] });
        Assert.Throws<ArgumentException>(() => new PskTlsClientOptions { Credentials = [Link.Credential()], ServerName = "gäteway" });
        Assert.Throws<ArgumentException>(() => new PskTlsClientOptions { Credentials = [Link.Credential()], KeyExchangeModes = [(PskKeyExchangeMode)7] });
        Assert.Throws<ArgumentException>(() => new PskTlsCredential([], Link.Key, PskBinder.External, TlsHash.Sha256));
        Assert.Throws<ArgumentException>(() => new PskTlsCredential(new byte[65536], Link.Key, PskBinder.External, TlsHash.Sha256));
        Assert.Throws<ArgumentException>(() => new PskTlsCredential(Link.Identity, [], PskBinder.External, TlsHash.Sha256));
        Assert.Throws<ArgumentException>(() => new PskTlsCredential(Link.Identity, new byte[65536], PskBinder.External, TlsHash.Sha256));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PskTlsCredential(Link.Identity, Link.Key, (PskBinder)3, TlsHash.Sha256));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PskTlsCredential(Link.Identity, Link.Key, PskBinder.External, (TlsHash)3));
        Assert.Throws<ArgumentException>(() => new PskTlsClientOptions { Credentials = [new PskTlsCredential(new byte[60_000], Link.Key, PskBinder.External, TlsHash.Sha256)] });
        Assert.Throws<ArgumentNullException>(() => new PskTlsServer(null!));
    }

    [Fact]
    public void A_client_without_a_suite_for_any_key_is_refused()
    {
        var options = new PskTlsClientOptions { Credentials = [Link.Credential(hash: TlsHash.Sha384)], CipherSuites = [CipherSuite.TLS_AES_128_GCM_SHA256] };
        Assert.Throws<ArgumentException>(() => new PskTlsClient(options));
    }

    [Fact]
    public void A_hello_that_would_be_too_long_is_refused_before_anything_is_sent()
    {
        ReadOnlyMemory<byte>[] names = [.. Enumerable.Range(0, 20).Select(_ => (ReadOnlyMemory<byte>)new byte[255])];
        var big = new PskTlsCredential(new byte[58_000], Link.Key, PskBinder.External, TlsHash.Sha256);
        Assert.Throws<ArgumentException>(() => new PskTlsClient(new PskTlsClientOptions { Credentials = [big], ApplicationProtocols = names }));
        using var fits = new PskTlsClient(new PskTlsClientOptions { Credentials = [big] });
        Assert.True(new Wire(fits).Deliver([]).Length > 58_000);
    }

    [Fact]
    public void Options_do_not_change_with_the_list_they_were_made_from()
    {
        var suites = new List<CipherSuite> { CipherSuite.TLS_AES_128_GCM_SHA256 };
        var options = new PskTlsServerOptions { CipherSuites = suites };
        suites[0] = CipherSuite.TLS_AES_256_GCM_SHA384;
        Assert.Equal([CipherSuite.TLS_AES_128_GCM_SHA256], options.CipherSuites);
    }
}
