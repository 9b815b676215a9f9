using FsCheck;
using FsCheck.Fluent;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Records;

public class PaddingTests
{
    [Theory]
    [InlineData(1, 256, 16384)]
    [InlineData(255, 256, 16384)]
    [InlineData(256, 512, 16384)]
    [InlineData(16384, 16385, 16384)]
    [InlineData(1, 256, 512)]
    [InlineData(300, 512, 512)]
    [InlineData(511, 512, 512)]
    [InlineData(1, 100, 100)]
    public void Records_are_as_long_as_the_next_block_or_the_peers_limit(int size, int inner, int limit)
    {
        using Link link = Padded(256, limit == 16384 ? 16385 : limit);
        link.Connect();
        Assert.Equal(inner + 5 + 16, link.ClientEnd.Write(new byte[size]).Length);
    }

    [Fact]
    public void Everything_protected_is_padded()
    {
        using Link link = Padded(128, 16385);
        link.Connect();
        link.Exchange(1000);
        link.Client.UpdateKeys(requestPeer: true);
        byte[] room = new byte[1000];
        link.Client.Flush(room, out int written);
        Assert.Equal(128 + 21, written);
        link.ClientEnd.Deliver(link.ServerEnd.Deliver(room.AsSpan(0, written)));
        Assert.Equal(128 + 21, link.ClientEnd.Shutdown().Length);
        for (int i = 0; i < link.ClientEnd.Sent.Count; i += 5 + (link.ClientEnd.Sent[i + 3] << 8) + link.ClientEnd.Sent[i + 4])
        {
            if (link.ClientEnd.Sent[i] == 23)
                Assert.Equal(128 + 16, (link.ClientEnd.Sent[i + 3] << 8) + link.ClientEnd.Sent[i + 4]);
        }
    }

    [Fact]
    public void Any_size_goes_through_any_padding_limit_and_room() => Prop.ForAll<ushort, ushort, ushort>((size, padding, bits) =>
    {
        int limit = 64 + (bits % 1000);
        using Link link = Padded(padding % 600, limit);
        link.Connect();
        byte[] data = [.. Enumerable.Range(0, size % 5000).Select(i => (byte)i)];
        byte[] room = new byte[link.Client.MaxWireSize(data.Length)];
        if (link.Client.Write(data, room, out int consumed, out int written) != PskTlsStatus.Complete || written != room.Length)
            return false;
        link.ServerEnd.Deliver(room.AsSpan(0, written));

        // And in portions.
        byte[] portion = new byte[700 + (bits % 512)];
        for (int at = 0; at < data.Length; at += consumed)
        {
            link.Client.Write(data.AsSpan(at), portion, out consumed, out written);
            if (consumed == 0 && written == 0)
                return false;
            link.ServerEnd.Deliver(portion.AsSpan(0, written));
        }

        return link.ServerEnd.Received.SequenceEqual([.. data, .. data]) && link.Server.Error is null;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public async Task An_openssl_client_reads_padded_records()
    {
        using var server = new EchoServer(new PskTlsServerOptions { RecordPadding = 1000 }, s => s.ProvidePsk(0, Link.Key, PskBinder.External, TlsHash.Sha256));
        Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
        string output = await PeerProcess.OpenSslClientAsync(
            server.Port, "hello\n", "-tls1_3", "-psk_identity", "dev-1~1", "-psk", Convert.ToHexString(Link.Key), "-record_padding", "512");
        Assert.Null((await serving).Error);
        Assert.Contains("HELLO", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(16385)]
    public void Options_out_of_range_are_refused(int padding)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new PskTlsServerOptions { RecordPadding = padding });
        Assert.Throws<ArgumentOutOfRangeException>(() => new PskTlsClientOptions { Credentials = [Link.Credential()], RecordPadding = padding });
    }

    private static Link Padded(int padding, int serverLimit) => new(
        new PskTlsClientOptions { Credentials = [Link.Credential()], RecordPadding = padding },
        new PskTlsServerOptions { RecordSizeLimit = serverLimit, RecordPadding = padding });
}
