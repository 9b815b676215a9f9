using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

public class HandshakeTests
{
    [Fact]
    public void Both_ends_connect_and_exchange_data()
    {
        using var link = new Link();
        link.Connect();
        link.Exchange();
        Assert.Equal(CipherSuite.TLS_AES_128_GCM_SHA256, link.Server.Session!.CipherSuite);
        Assert.Equal(PskKeyExchangeMode.PskDheKe, link.Server.Session.KeyExchangeMode);
        Assert.Equal(NamedGroup.Secp256r1, link.Server.Session.Group);
        Assert.Equal(PskBinder.Imported, link.Server.Session.Binder);
        Assert.Equal(TlsProtocol.Tls13, link.Server.Session.Version);
    }
}
