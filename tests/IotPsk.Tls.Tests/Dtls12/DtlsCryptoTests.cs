using IotPsk.Tls.Crypto;
using IotPsk.Tls.Crypto.BaseLibrary;
using IotPsk.Tls.Crypto.OpenSsl;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Dtls12;

public class DtlsCryptoTests
{
    public static TheoryData<CipherSuite> Suites => DtlsHandshakeTests.Suites;

    [Theory]
    [Trait(Needs.Name, Needs.LibCrypto)]
    [MemberData(nameof(Suites))]
    public void The_two_libraries_understand_each_other(CipherSuite suite)
    {
        foreach (bool clientIsBase in (bool[])[true, false])
        {
            CryptoProvider first = clientIsBase ? new BaseLibraryProvider() : OpenSslProvider.Create(), second = clientIsBase ? OpenSslProvider.Create() : new BaseLibraryProvider();
            using var link = new VirtualLink(new PskDtlsClient(DtlsTickets.Client(suite), [1], first)) { Server = new PskDtlsServer(new PskDtlsServerOptions(), [2], second) };
            link.Connect();
            link.Exchange();
        }
    }

    [Fact]
    public void A_failing_library_ends_either_end_wherever_it_fails()
    {
        foreach (bool isServer in (bool[])[true, false])
        {
            bool failed = true;
            int last = 0;
            for (int failAt = 1; failed; failAt++)
            {
                Assert.True(failAt < 300, "a handshake takes fewer operations");
                var crypto = new FailingCrypto(failAt);
                using var link = new VirtualLink(new PskDtlsClient(VirtualLink.ClientOptions, [], isServer ? CryptoProvider.Default : crypto))
                {
                    Server = new PskDtlsServer(new PskDtlsServerOptions(), [], isServer ? crypto : CryptoProvider.Default),
                };
                link.Handshake();
                PskDtlsConnection end = isServer ? link.Server : link.Client;
                failed = end.Error is not null;
                if (failed)
                    Assert.Equal(TlsErrorReason.CryptoFailure, end.Error!.Reason);
                Assert.Equal(!failed, end.IsConnected);
                last = failAt;
            }

            Assert.InRange(last, 15, 150);
        }
    }

    [Fact]
    public void What_could_not_be_sealed_or_opened_ends_the_association()
    {
        foreach (Action<PskDtlsServer> use in (Action<PskDtlsServer>[])[
            server => Assert.Equal(PskTlsStatus.Closed, server.Write([1], new byte[2000], out _)),
            server => Assert.Equal(PskTlsStatus.Closed, server.Receive(TestDatagram.Record(23, 1, 90, new byte[40]), 0, new byte[100], out _, out _)),
            server => Assert.Equal(PskTlsStatus.Closed, server.Shutdown(new byte[2000], out _))])
        {
            var crypto = new Switchable();
            using var link = new VirtualLink { Server = new PskDtlsServer(new PskDtlsServerOptions(), [], crypto) };
            link.Connect();
            crypto.IsBroken = true;
            use(link.Server);
            Assert.Equal(TlsErrorReason.CryptoFailure, link.Server.Error?.Reason);
            Assert.False(link.Server.HasOutput);
        }
    }

    private sealed class Switchable : ForwardingCrypto
    {
        public bool IsBroken { get; set; }

        protected override CryptoProvider Library => IsBroken ? throw new System.Security.Cryptography.CryptographicException("out of order") : Default;
    }
}
