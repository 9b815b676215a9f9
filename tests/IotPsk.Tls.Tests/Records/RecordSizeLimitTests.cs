using IotPsk.Tls.Extensions;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Records;

public class RecordSizeLimitTests
{
    [Theory]
    [InlineData(512, 16384)]
    [InlineData(512, 512)]
    [InlineData(64, 64)]
    [InlineData(16385, 16385)]
    [InlineData(16384, 100)]
    public void Each_side_keeps_to_the_others_limit(int clientLimit, int serverLimit)
    {
        using var link = new Link(Client(clientLimit), new PskTlsServerOptions { RecordSizeLimit = serverLimit });
        link.Connect();
        Assert.Equal(clientLimit, link.Server.Session!.PeerRecordSizeLimit);
        Assert.Equal(serverLimit, link.Client.Session!.PeerRecordSizeLimit);
        link.Exchange(40_000);
        Assert.Equal(clientLimit, LongestInner(link.ServerEnd.Write(new byte[40_000])));
        Assert.Equal(serverLimit, LongestInner(link.ClientEnd.Write(new byte[40_000])));
    }

    [Fact]
    public void The_servers_flight_keeps_to_the_limit_too()
    {
        using var link = new Link(
            new PskTlsClientOptions { Credentials = [Link.Credential()], RecordSizeLimit = 64, ApplicationProtocols = [new byte[200]] },
            new PskTlsServerOptions { ApplicationProtocols = [new byte[200]] });
        link.Connect();
        link.Exchange();
        int afterServerHello = 5 + (link.ServerEnd.Sent[3] << 8) + link.ServerEnd.Sent[4];
        Assert.Equal(64, LongestInner([.. link.ServerEnd.Sent.Skip(afterServerHello)]));
    }

    [Fact]
    public void Without_the_extension_nothing_is_limited()
    {
        using var link = new Link(Client(0), new PskTlsServerOptions { RecordSizeLimit = 512 });
        link.Connect();
        Assert.Equal(16385, link.Server.Session!.PeerRecordSizeLimit);
        Assert.Equal(16385, link.Client.Session!.PeerRecordSizeLimit);
        link.Exchange(40_000);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_record_over_the_own_limit_is_a_record_overflow(bool toServer)
    {
        using var link = new Link(Client(512), new PskTlsServerOptions { RecordSizeLimit = 512 });
        link.Connect();
        (Wire sender, Wire receiver) = toServer ? (link.ClientEnd, link.ServerEnd) : (link.ServerEnd, link.ClientEnd);
        receiver.Deliver(TestRecord.Protected(sender.Connection, 23, new byte[511]));
        Assert.Null(receiver.Connection.Error);

        // Padding counts (RFC 8449 s4).
        receiver.Deliver(TestRecord.Protected(sender.Connection, 0, [23, .. new byte[511]]));
        Assert.Equal(TlsErrorReason.RecordTooLarge, receiver.Connection.Error?.Reason);
        Assert.Equal(AlertDescription.RecordOverflow, receiver.Connection.Error?.Alert);
    }

    [Fact]
    public void A_client_may_name_more_than_the_version_allows()
    {
        using var server = new TestServer();
        server.Deliver(TestHello.Good().Set(ExtensionType.RecordSizeLimit, 0xff, 0xff).Record());
        Assert.Null(server.Server.Error);
        Assert.Equal(16385, server.Server.Records.PeerRecordSizeLimit);
    }

    [Fact]
    public void A_server_that_does_not_answer_the_extension_is_not_limited()
    {
        using var peer = new ScriptedServer(Client(100));
        peer.SendServerHello();
        peer.Finish([]);
        peer.SendProtected(23, new byte[5000]);
        Assert.Null(peer.Client.Error);
        Assert.Equal(5000, peer.Received.Count);
        Assert.Equal(16385, peer.Client.Session!.PeerRecordSizeLimit);
    }

    [Theory]
    [InlineData(63)]
    [InlineData(16386)]
    [InlineData(-1)]
    public void Options_out_of_range_are_refused(int limit)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new PskTlsServerOptions { RecordSizeLimit = limit });
        Assert.Throws<ArgumentOutOfRangeException>(() => Client(limit));
    }

    [Theory]
    [InlineData(512 + 16, TlsErrorReason.BadRecordMac)]
    [InlineData(512 + 17, TlsErrorReason.RecordTooLarge)]
    public void A_forged_record_over_the_limit_is_not_even_opened(int length, TlsErrorReason reason)
    {
        using var link = new Link(Client(512), new PskTlsServerOptions { RecordSizeLimit = 512 });
        link.Connect();
        link.ServerEnd.Deliver(TestRecord.Plain(23, new byte[length]));
        Assert.Equal(reason, link.Server.Error?.Reason);
    }

    private static PskTlsClientOptions Client(int limit) => new() { Credentials = [Link.Credential()], RecordSizeLimit = limit };

    private static int LongestInner(byte[] wire)
    {
        int longest = 0;
        for (int i = 0; i < wire.Length;)
        {
            int length = (wire[i + 3] << 8) + wire[i + 4];
            if (wire[i] == 23)
                longest = Math.Max(longest, length - 16);
            i += 5 + length;
        }

        return longest;
    }
}
