using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Dtls12;

public class DtlsHandshakeTests
{
    public static TheoryData<CipherSuite> Suites =>
    [
        CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256, CipherSuite.TLS_PSK_WITH_AES_128_CCM, CipherSuite.TLS_PSK_WITH_AES_128_CCM_8,
        CipherSuite.TLS_PSK_WITH_CHACHA20_POLY1305_SHA256, CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256, CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256,
        CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256, CipherSuite.TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256,
    ];

    [Theory]
    [MemberData(nameof(Suites))]
    public void Every_suite_connects_and_carries_data_both_ways(CipherSuite suite)
    {
        using var link = new VirtualLink(new PskDtlsClientOptions { Credential = Link.Credential(PskBinder.External), CipherSuites = [suite] });
        link.Connect();
        Assert.Equal((suite, TlsProtocol.Dtls12, true), (link.Client.Session!.CipherSuite, link.Server!.Session!.Version, link.Server.Session.HasExtendedMasterSecret));
        link.Exchange();
        link.Exchange(1);
        link.Exchange(link.Client.MaxPlaintext);
    }

    [Fact]
    public void A_handshake_with_a_cookie_takes_six_datagrams_and_one_question()
    {
        using var link = new VirtualLink();
        link.Connect();
        Assert.Equal((6, 1), (link.Datagrams, link.Questions));
        Assert.Equal(long.MaxValue, link.Client.Deadline);
    }
}
