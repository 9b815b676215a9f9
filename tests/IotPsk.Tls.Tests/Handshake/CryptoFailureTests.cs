using System.Security.Cryptography;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

public class CryptoFailureTests
{
    [Fact]
    public void A_failing_library_ends_the_connection_wherever_it_fails()
    {
        int last = 0;
        bool failed = true;
        for (int failAt = 1; failed; failAt++)
        {
            Assert.True(failAt < 300, "a handshake takes fewer operations");
            var crypto = new FailingCrypto(failAt);
            using var server = new PskTlsServer(new PskTlsServerOptions(), crypto);
            using var client = new PskTlsClient(Link.ClientOptions());
            TlsError? error = Run(client, server);
            failed = error is not null;
            if (failed)
            {
                Assert.Equal(TlsErrorReason.CryptoFailure, error!.Reason);
                Assert.Equal(TlsErrorKind.LocalFault, error.Kind);
                Assert.False(server.IsConnected);
                last = failAt;
            }
        }

        Assert.InRange(last, 20, 100);
    }

    [Fact]
    public void A_failing_library_ends_a_clients_connection_wherever_it_fails()
    {
        bool failed = true;
        for (int failAt = 1; failed; failAt++)
        {
            Assert.True(failAt < 300, "a handshake takes fewer operations");
            using var server = new PskTlsServer(new PskTlsServerOptions());
            using var client = new PskTlsClient(Link.ClientOptions(), new FailingCrypto(failAt));
            Run(client, server);
            failed = client.Error is not null;
            if (failed)
                Assert.Equal(TlsErrorReason.CryptoFailure, client.Error!.Reason);
            Assert.Equal(!failed, client.IsConnected);
        }
    }

    [Theory]
    [InlineData(TlsProtocol.Tls13)]
    [InlineData(TlsProtocol.Tls12)]
    public void What_could_not_be_encrypted_is_not_sent(TlsProtocol version)
    {
        byte[] alpn = "a protocol's name"u8.ToArray();
        var options = new PskTlsClientOptions { Versions = [version], Credentials = [Link.Credential(PskBinder.External)], ApplicationProtocols = [alpn] };
        using var client = new PskTlsClient(options);
        using var server = new PskTlsServer(new PskTlsServerOptions { ApplicationProtocols = [alpn] }, new FailsToSealOnce());
        var clientEnd = new Wire(client);
        var serverEnd = new Wire(server);
        byte[] toServer = clientEnd.Deliver([]);
        byte[] toClient = [];
        while (toServer.Length > 0 && server.Error is null)
        {
            toClient = serverEnd.Deliver(toServer);
            if (serverEnd.Status == PskTlsStatus.NeedsPsk)
            {
                server.ProvidePsk(0, Link.Key, PskBinder.External, TlsHash.Sha256);
                toClient = [.. toClient, .. serverEnd.Deliver([])];
            }

            toServer = server.Error is null ? clientEnd.Deliver(toClient) : [];
        }

        Assert.Equal(TlsErrorReason.CryptoFailure, server.Error?.Reason);

        // In TLS 1.3 EncryptedExtensions were to be sealed first, in TLS 1.2 Finished.
        Assert.Equal(-1, toClient.AsSpan().IndexOf(version == TlsProtocol.Tls13 ? alpn : [20, 0, 0, 12]));
        clientEnd.Deliver(toClient);
        Assert.NotNull(client.Error);
    }

    [Fact]
    public void A_library_that_fails_on_data_ends_the_connection()
    {
        foreach (Action<PskTlsServer> use in (Action<PskTlsServer>[])[
            s => Assert.Equal(PskTlsStatus.Closed, s.Write([1], new byte[100], out _, out _)),
            s => Assert.Equal(PskTlsStatus.Closed, s.Read(TestRecord.Plain(23, new byte[40]), new byte[100], out _, out _)),
            s => Assert.Equal(PskTlsStatus.Complete, s.Shutdown(new byte[100], out _))])
        {
            var counter = new FailingCrypto(int.MaxValue);
            using (var first = new PskTlsServer(new PskTlsServerOptions(), counter))
            using (var client = new PskTlsClient(Link.ClientOptions()))
                Assert.Null(Run(client, first));
            using var server = new PskTlsServer(new PskTlsServerOptions(), new FailingCrypto(counter.Operations + 1));
            using var other = new PskTlsClient(Link.ClientOptions());
            Assert.Null(Run(other, server));
            use(server);
            Assert.Equal(TlsErrorReason.CryptoFailure, server.Error?.Reason);
            Assert.False(server.IsConnected);
        }
    }

    private static TlsError? Run(PskTlsClient client, PskTlsServer server)
    {
        var clientEnd = new Wire(client);
        var serverEnd = new Wire(server);
        byte[] toServer = clientEnd.Deliver([]);
        for (int turn = 0; toServer.Length > 0; turn++)
        {
            Assert.True(turn < 20, "the two ends do not come to rest");
            byte[] toClient = serverEnd.Deliver(toServer);
            if (serverEnd.Status == PskTlsStatus.NeedsPsk)
            {
                server.ProvidePsk(0, Link.Key, PskBinder.Imported, TlsHash.Sha256);
                toClient = [.. toClient, .. serverEnd.Deliver([])];
            }

            toServer = toClient.Length == 0 ? [] : clientEnd.Deliver(toClient);
        }

        return server.Error;
    }

    private sealed class FailsToSealOnce : ForwardingCrypto
    {
        private bool _failed;

        public override void Seal(in AeadKey key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> data, Span<byte> tag)
        {
            if (!_failed)
            {
                _failed = true;
                throw new CryptographicException("out of order");
            }

            base.Seal(key, nonce, associatedData, data, tag);
        }
    }
}
