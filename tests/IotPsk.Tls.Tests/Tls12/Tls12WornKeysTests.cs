using IotPsk.Tls.Records;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Tls12;

/// <summary>TLS 1.2 has no KeyUpdate: keys that have done what is safe end the connection.</summary>
public class Tls12WornKeysTests
{
    [Theory]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256, 1UL << 24)]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, 1UL << 23)]
    public void Worn_keys_end_the_connection_with_a_close_notify(CipherSuite suite, ulong limit)
    {
        using var link = Tls12Link.Create(Suites.Client(suite));
        link.Connect();
        link.Client.Records.WriteProtection12!.Sequence = limit - 1;
        link.Server.Records.ReadProtection12!.Sequence = limit - 1;
        byte[] wire = new byte[link.Client.MaxWireSize(32_768)];
        Assert.Equal(PskTlsStatus.Closed, link.Client.Write(new byte[32_768], wire, out int consumed, out int written));
        Assert.Equal(16_384, consumed);
        Assert.True(link.Client.IsWornOut);
        link.ServerEnd.Deliver(wire.AsSpan(0, written));
        Assert.Equal(16_384, link.ServerEnd.Received.Count);
        Assert.Equal(PskTlsStatus.Closed, link.ServerEnd.Status);
        Assert.Null(link.Server.Error);
        Assert.Throws<InvalidOperationException>(() => link.Server.UpdateKeys(requestPeer: false));
    }

    [Fact]
    public void A_used_up_sequence_number_ends_the_connection_on_either_side()
    {
        using var writer = Tls12Link.Create();
        writer.Connect();
        writer.Client.Records.WriteProtection12!.Sequence = ulong.MaxValue;
        Assert.Equal(PskTlsStatus.Closed, writer.Client.Write([1], new byte[100], out _, out int written));
        Assert.Equal((TlsErrorReason.SequenceExhausted, 0), (writer.Client.Error!.Reason, written));
        using var reader = Tls12Link.Create();
        reader.Connect();
        byte[] record = new byte[1 + reader.Client.Records.WriteProtection12!.Overhead];
        reader.Client.Records.WriteProtection12.Seal(ContentType.ApplicationData, [1], record);
        reader.Server.Records.ReadProtection12!.Sequence = ulong.MaxValue;
        reader.ServerEnd.Deliver(record);
        Assert.Equal(TlsErrorReason.BadRecordMac, reader.Server.Error?.Reason);
    }

    [Fact]
    public void The_wire_size_is_never_more_than_was_said()
    {
        foreach (CipherSuite suite in Suites.Tls12)
        {
            using var link = Tls12Link.Create(Suites.Client(suite), new PskTlsServerOptions { RecordSizeLimit = 100 });
            link.Connect();
            foreach (int size in (int[])[0, 1, 99, 100, 101, 5000])
                Assert.Equal(link.Client.MaxWireSize(size), link.ClientEnd.Write(new byte[size]).Length);
        }
    }

    [Fact]
    public void Small_destinations_get_what_fits()
    {
        using var link = Tls12Link.Create();
        link.Connect();
        byte[] wire = new byte[link.Client.Records.WriteProtection12!.Overhead + 10];
        Assert.Equal(PskTlsStatus.DestinationTooSmall, link.Client.Write(new byte[100], wire, out int consumed, out int written));
        Assert.Equal((10, wire.Length), (consumed, written));
        Assert.Equal(PskTlsStatus.DestinationTooSmall, link.Client.Write(new byte[100], new byte[wire.Length - 10], out consumed, out written));
        Assert.Equal((0, 0), (consumed, written));
        Assert.Equal(PskTlsStatus.DestinationTooSmall, link.Server.Read(wire, new byte[9], out consumed, out written));
        Assert.Equal((0, 0), (consumed, written));
        Assert.Equal(PskTlsStatus.Complete, link.Server.Read(wire, new byte[10], out _, out written));
        Assert.Equal(10, written);
    }

    [Fact]
    public void A_failing_library_ends_the_connection_wherever_it_fails()
    {
        foreach (bool atServer in (bool[])[true, false])
        {
            bool failed = true;
            int last = 0;
            for (int failAt = 1; failed; failAt++)
            {
                Assert.True(failAt < 300, "a handshake takes fewer operations");
                var crypto = new FailingCrypto(failAt);
                var server = atServer ? new PskTlsServer(new PskTlsServerOptions(), crypto) : new PskTlsServer(new PskTlsServerOptions());
                var client = atServer ? new PskTlsClient(Tls12Link.ClientOptions) : new PskTlsClient(Tls12Link.ClientOptions, crypto);
                using var link = new Link(client, server, Tls12Link.Provide);
                link.Run();
                PskTlsConnection end = atServer ? server : client;
                failed = end.Error is not null;
                if (failed)
                    Assert.Equal(TlsErrorReason.CryptoFailure, end.Error!.Reason);
                Assert.Equal(!failed, end.IsConnected);
                last = failAt;
            }

            Assert.InRange(last, 15, 100);
        }
    }
}
