using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Records;

/// <summary>Own KeyUpdates before a key has protected too much (RFC 8446 s5.5).</summary>
public class WornKeysTests
{
    public static TheoryData<CipherSuite, ulong> Limits => new()
    {
        { CipherSuite.TLS_AES_128_GCM_SHA256, 1UL << 24 },
        { CipherSuite.TLS_AES_256_GCM_SHA384, 1UL << 24 },
        { CipherSuite.TLS_AES_128_CCM_SHA256, 1UL << 23 },
        { CipherSuite.TLS_AES_128_CCM_8_SHA256, 1UL << 23 },
        { CipherSuite.TLS_CHACHA20_POLY1305_SHA256, ulong.MaxValue - 256 },
    };

    [Theory]
    [MemberData(nameof(Limits))]
    public void The_writer_takes_new_keys_at_the_suites_limit(CipherSuite suite, ulong limit)
    {
        using Link link = Connect(suite);
        SetSequence(link, limit - 2, fromClient: true);
        byte[] data = new byte[3 * 16384];
        byte[] wire = link.ClientEnd.Write(data);
        Assert.Equal(data.Length + (3 * Overhead(suite)) + Overhead(suite) + 5, wire.Length);
        Assert.Equal(1UL, link.Client.Records.WriteProtection!.Sequence);
        link.ServerEnd.Deliver(wire);
        Assert.Null(link.Server.Error);
        Assert.Equal(data.Length, link.ServerEnd.Received.Count);
        link.Exchange();
    }

    [Fact]
    public void A_KeyUpdate_that_finds_no_room_waits_for_it()
    {
        using Link link = Connect(CipherSuite.TLS_AES_128_GCM_SHA256);
        SetSequence(link, (1UL << 24) - 1, fromClient: true);
        byte[] wire = new byte[200];
        byte[] data = new byte[100];
        Assert.Equal(PskTlsStatus.DestinationTooSmall, link.Client.Write(data, wire.AsSpan(0, 72), out int consumed, out int first));
        Assert.Equal((50, 72), (consumed, first));
        Assert.Equal(PskTlsStatus.DestinationTooSmall, link.Client.Write(data.AsSpan(50), wire.AsSpan(72, 10), out consumed, out int second));
        Assert.Equal((0, 10), (consumed, second));
        Assert.Equal(PskTlsStatus.Complete, link.Client.Write(data.AsSpan(50), wire.AsSpan(82), out consumed, out int third));
        Assert.Equal((50, 17 + 72), (consumed, third));
        link.ServerEnd.Deliver(wire.AsSpan(0, 82 + third));
        Assert.Equal(data, link.ServerEnd.Received);
    }

    [Theory]
    [MemberData(nameof(Limits))]
    public void The_reader_asks_once_for_new_keys_if_the_writer_goes_past_the_limit(CipherSuite suite, ulong limit)
    {
        using Link link = Connect(suite);

        // A writer that does not know the limit.
        SetSequence(link, limit - 1, fromClient: true);
        Assert.Empty(link.ServerEnd.Deliver(TestRecord.Protected(link.Client, 23, 1)));
        byte[] request = link.ServerEnd.Deliver(TestRecord.Protected(link.Client, 23, 2));
        Assert.Equal(Overhead(suite) + 5, request.Length);
        Assert.Empty(link.ServerEnd.Deliver(TestRecord.Protected(link.Client, 23, 3)));
        byte[] answer = link.ClientEnd.Deliver(request);
        Assert.Equal(0UL, link.Client.Records.WriteProtection!.Sequence);
        link.ServerEnd.Deliver(answer);
        Assert.Equal([1, 2, 3], link.ServerEnd.Received);
        link.Exchange();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_peer_that_takes_no_KeyUpdate_gets_a_close_notify_instead(bool server)
    {
        using Link link = Connect(CipherSuite.TLS_AES_128_CCM_8_SHA256, close: true);
        Wire writer = server ? link.ServerEnd : link.ClientEnd;
        Wire reader = server ? link.ClientEnd : link.ServerEnd;
        SetSequence(link, (1UL << 23) - 1, fromClient: !server);
        byte[] wire = new byte[1000];
        byte[] data = new byte[20];
        Assert.Equal(PskTlsStatus.Complete, writer.Connection.Write(data, wire, out _, out int last));
        Assert.False(writer.Connection.IsWornOut);
        Assert.Equal(PskTlsStatus.Closed, writer.Connection.Write(data, wire.AsSpan(last), out int consumed, out int closing));
        Assert.Equal(0, consumed);
        Assert.Equal(5 + 2 + 1 + 8, closing);
        Assert.True(writer.Connection.IsWornOut);
        Assert.Null(writer.Connection.Error);
        Assert.Equal(PskTlsStatus.Closed, writer.Connection.Write(data, wire, out _, out int none));
        Assert.Equal(0, none);
        Assert.Empty(writer.Shutdown());

        reader.Deliver(wire.AsSpan(0, last + closing));
        Assert.Equal(data, reader.Received);
        Assert.Equal(PskTlsStatus.Closed, reader.Status);
        Assert.Null(reader.Connection.Error);

        // What the peer still sends is read.
        writer.Deliver(reader.Write([9]));
        Assert.Equal([9], writer.Received);
    }

    [Fact]
    public void A_device_whose_own_keys_wear_out_gets_a_close_notify_too()
    {
        using Link link = Connect(CipherSuite.TLS_AES_128_CCM_SHA256, close: true);
        SetSequence(link, 1UL << 23, fromClient: true);
        byte[] close = link.ServerEnd.Deliver(TestRecord.Protected(link.Client, 23, 1));
        Assert.Equal([1], link.ServerEnd.Received);
        Assert.True(link.Server.IsWornOut);
        link.ClientEnd.Deliver(close);
        Assert.Equal(PskTlsStatus.Closed, link.ClientEnd.Status);
        Assert.Null(link.Client.Error);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_owner_may_change_keys_when_it_likes(bool request)
    {
        using var link = new Link();
        Assert.Throws<InvalidOperationException>(() => link.Client.UpdateKeys(request));
        link.Connect();
        link.Client.UpdateKeys(request);
        Assert.True(link.Client.HasOutput);
        byte[] room = new byte[100];
        link.Client.Flush(room, out int written);
        Assert.Equal(request, link.ServerEnd.Deliver(room.AsSpan(0, written)) is { Length: > 0 } answer && link.ClientEnd.Deliver(answer) is not null);
        link.Exchange();
        link.ClientEnd.Shutdown();
        Assert.Throws<InvalidOperationException>(() => link.Client.UpdateKeys(request));
        link.ServerEnd.Deliver(TestRecord.Plain(22, 1));
        link.Server.UpdateKeys(request);
        Assert.NotNull(link.Server.Error);
        using Link device = Connect(CipherSuite.TLS_AES_128_GCM_SHA256, close: true);
        Assert.Throws<InvalidOperationException>(() => device.Server.UpdateKeys(request));
    }

    [Fact]
    public void Keys_that_are_used_up_altogether_end_the_connection_without_a_word()
    {
        using Link link = Connect(CipherSuite.TLS_AES_128_GCM_SHA256);
        SetSequence(link, ulong.MaxValue, fromClient: true);
        link.Client.UpdateKeys(requestPeer: true);
        Assert.Equal(TlsErrorReason.SequenceExhausted, link.Client.Error?.Reason);
        Assert.False(link.Client.HasOutput);
    }

    private static Link Connect(CipherSuite suite, bool close = false)
    {
        TlsHash hash = suite == CipherSuite.TLS_AES_256_GCM_SHA384 ? TlsHash.Sha384 : TlsHash.Sha256;
        var link = new Link(
            new PskTlsClientOptions { Credentials = [Link.Credential(hash: hash)], CipherSuites = [suite], CloseInsteadOfKeyUpdate = close },
            answer: s => s.ProvidePsk(0, Link.Key, PskBinder.Imported, hash, new PskTerms { CloseInsteadOfKeyUpdate = close }));
        link.Connect();
        return link;
    }

    private static int Overhead(CipherSuite suite) => suite == CipherSuite.TLS_AES_128_CCM_8_SHA256 ? 14 : 22;

    /// <summary>As if one direction had carried that many records.</summary>
    private static void SetSequence(Link link, ulong sequence, bool fromClient)
    {
        PskTlsConnection writer = fromClient ? link.Client : link.Server;
        PskTlsConnection reader = fromClient ? link.Server : link.Client;
        writer.Records.WriteProtection!.Sequence = sequence;
        reader.Records.ReadProtection!.Sequence = sequence;
    }
}
