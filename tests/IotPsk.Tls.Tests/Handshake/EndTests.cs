using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

/// <summary>What is left of a connection that ends, and what is not said any more.</summary>
public class EndTests
{
    [Theory]
    [InlineData(TlsProtocol.Tls13)]
    [InlineData(TlsProtocol.Tls12)]
    public void No_alert_follows_close_notify(TlsProtocol version)
    {
        using Link link = Connected(version);
        link.ServerEnd.Shutdown();

        // RFC 8446 s6.1: nothing is sent behind it.
        Assert.Empty(link.ServerEnd.Deliver(TestRecord.Plain(23, new byte[40])));
        Assert.Equal(TlsErrorReason.BadRecordMac, link.Server.Error?.Reason);
    }

    [Theory]
    [InlineData(TlsProtocol.Tls13)]
    [InlineData(TlsProtocol.Tls12)]
    public void A_connection_that_failed_has_no_keys(TlsProtocol version)
    {
        using Link link = Connected(version);
        link.ClientEnd.Deliver(link.ServerEnd.Deliver(TestRecord.Plain(23, new byte[40])));
        Assert.Equal((TlsErrorReason.BadRecordMac, TlsErrorReason.PeerAlert), (link.Server.Error!.Reason, link.Client.Error!.Reason));
        foreach (PskTlsConnection end in (PskTlsConnection[])[link.Client, link.Server])
        {
            Assert.Null(end.Records.ReadProtection);
            Assert.Null(end.Records.WriteProtection);
            Assert.Null(end.Records.ReadProtection12);
            Assert.Null(end.Records.WriteProtection12);
        }
    }

    [Theory]
    [InlineData(new byte[] { 1, 2, 3, 0, 0 })]
    [InlineData(new byte[] { 1, 2, 3, 20 })]
    [InlineData(new byte[] { 1, 2, 3, 99 })]
    public void What_a_bad_record_held_is_not_left_to_the_reader(byte[] inner)
    {
        using Link link = Connected(TlsProtocol.Tls13);
        byte[] record = TestRecord.Protected(link.Client, 0, inner);
        byte[] plaintext = new byte[100];
        link.Server.Read(record, plaintext, out _, out int written);
        Assert.NotNull(link.Server.Error);
        Assert.Equal(0, written);
        Assert.Equal(new byte[inner.Length], plaintext[..inner.Length]);
    }

    [Fact]
    public void An_unknown_identity_takes_the_work_of_a_wrong_key()
    {
        int wrong = Work(s => s.ProvidePsk(0, new byte[32], PskBinder.Imported, TlsHash.Sha256), TlsErrorReason.BinderMismatch);
        Assert.InRange(wrong, 3, 100);
        Assert.Equal(wrong, Work(s => s.RejectPsk(), TlsErrorReason.NoUsablePsk));
    }

    private static int Work(Action<PskTlsServer> answer, TlsErrorReason reason)
    {
        var crypto = new CountsHmac();
        using var server = new PskTlsServer(new PskTlsServerOptions(), crypto);
        var end = new Wire(server);
        end.Deliver(TestHello.Good().Record());
        int before = crypto.Count;
        answer(server);
        end.Deliver([]);
        Assert.Equal(reason, server.Error?.Reason);
        return crypto.Count - before;
    }

    private static Link Connected(TlsProtocol version)
    {
        var client = new PskTlsClientOptions { Versions = [version], Credentials = [Link.Credential(PskBinder.External)] };
        var link = new Link(client, null, s => s.ProvidePsk(0, Link.Key, PskBinder.External, TlsHash.Sha256));
        link.Connect();
        return link;
    }

    private sealed class CountsHmac : ForwardingCrypto
    {
        public int Count { get; private set; }

        public override void Hmac(TlsHash hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> destination)
        {
            Count++;
            base.Hmac(hash, key, first, second, destination);
        }
    }
}
