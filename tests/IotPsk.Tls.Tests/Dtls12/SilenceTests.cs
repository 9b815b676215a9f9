using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Dtls12;

/// <summary>What is noise, what is told, and what belongs to another association (RFC 6347 s4.1.2.7, s4.2.8).</summary>
public class SilenceTests
{
    [Fact]
    public void A_hello_that_never_becomes_whole_ends_in_silence()
    {
        using var server = new PskDtlsServer(new PskDtlsServerOptions(), []);
        byte[] body = new byte[400];
        server.Receive(TestDatagram.Fragment(1, 1, body, 0, 100), 0, new byte[100], out _, out _);
        while (server.Error is null)
        {
            Assert.False(server.HasOutput);
            server.Tick(server.Deadline);
        }

        Assert.Equal(TlsErrorReason.HandshakeTimedOut, server.Error.Reason);
        Assert.False(server.HasOutput);
    }

    [Fact]
    public void A_rebooted_client_is_told_from_one_that_repeats_itself()
    {
        using var link = new VirtualLink { KeyDelay = 1000 };
        byte[]? hello = null;
        link.Tamper = (fromClient, datagram) =>
        {
            if (fromClient && datagram[13] == 1)
                hello = datagram;
            return datagram;
        };
        link.Client.Continue(link.Now);
        link.Send(fromClient: true);
        link.Run(() => link.Questions > 0);
        Assert.True(link.Server!.IsRepeatedHello(hello!));
        Assert.False(link.Server.IsRepeatedHello(TestDatagram.Fragment(1, 0, TestDatagram.HelloBody([]))));
        link.Settle();
        Assert.True(link.IsDone);

        // RFC 6347 s4.2.8: a hello in clear does not touch the association it comes to.
        FlightTests.Feed(link.Server, TestDatagram.Fragment(1, 0, TestDatagram.HelloBody([])), link.Now);
        FlightTests.Feed(link.Server, TestDatagram.Record(21, 0, 5, 2, 40), link.Now);
        Assert.False(link.Server.HasOutput);
        link.Exchange();
        Assert.False(link.Server.IsRepeatedHello(hello!));
    }

    [Fact]
    public void Plain_messages_of_another_epoch_and_protected_ones_in_clear_are_noise()
    {
        using var link = new VirtualLink();
        int passed = 0;
        link.Tamper = (fromClient, datagram) =>
        {
            if (!fromClient && datagram[13] == 2)
            {
                // A hello in clear that says it is of epoch 1, and a Finished that says it is of epoch 0.
                byte[] wrong = [.. datagram];
                wrong[4] = 1;
                FlightTests.Feed(link.Client, wrong, link.Now);
                FlightTests.Feed(link.Client, TestDatagram.Fragment(20, 1, new byte[12]), link.Now);
                passed++;
            }

            return datagram;
        };
        link.Connect();
        Assert.Equal(1, passed);
    }

    [Fact]
    public void A_repeated_hello_in_a_record_of_DTLS_1_0_is_no_reason_for_an_alert()
    {
        using var link = new VirtualLink { KeyDelay = 500 };
        byte[]? hello = null;
        link.Tamper = (fromClient, datagram) =>
        {
            if (fromClient && datagram[13] == 1)
                hello = datagram;
            return datagram;
        };
        link.Client.Continue(link.Now);
        link.Send(fromClient: true);
        link.Run(() => link.Server is not null);
        byte[] old = [.. hello!];
        old[2] = 0xff;
        FlightTests.Feed(link.Server!, old, link.Now);
        link.Run(() => link.IsDone);
        Assert.True(link.IsDone);
    }

    [Fact]
    public void Messages_that_share_a_record_are_taken_one_after_the_other()
    {
        using var link = new VirtualLink(server: new PskDtlsServerOptions { PskIdentityHint = "hint"u8.ToArray() });
        link.Tamper = (fromClient, datagram) =>
        {
            if (fromClient || datagram[13] != 2)
                return datagram;
            byte[][] records = FlightTests.Split(datagram);
            Assert.Equal(3, records.Length);
            return TestDatagram.Record(22, 0, records[0][10], [.. records.SelectMany(record => record[13..])]);
        };
        link.Connect();
        Assert.Equal(6, link.Datagrams);
    }

    [Theory]
    [InlineData((1UL << 48) - 1, 0, false)]
    [InlineData((1UL << 48) - 0x10000, 0, true)]
    [InlineData(0, 0xffff, false)]
    [InlineData(0, 0xff00, true)]
    public void A_hello_that_leaves_no_numbers_to_go_on_is_noise(ulong record, ushort message, bool served)
    {
        using var client = new PskDtlsClient(VirtualLink.ClientOptions, []);
        client.Continue(0);
        byte[] buffer = new byte[2000];
        Assert.True(client.Flush(buffer, out int length));
        using var server = new PskDtlsServer(new PskDtlsServerOptions(), []);
        server.Receive(TestDatagram.Fragment(1, message, buffer[25..length], recordSequence: record), 0, new byte[100], out _, out _);
        Assert.Equal(served, server.HasOutput);
        Assert.Null(server.Error);
    }

    [Fact]
    public void Over_long_records_are_noise()
    {
        using var link = new VirtualLink { KeyDelay = 100 };
        link.Tamper = (_, datagram) =>
        {
            byte[] tooLong = TestDatagram.Record(22, 0, 9, new byte[(1 << 14) + 2049]);
            FlightTests.Feed(link.Client, tooLong, link.Now);
            if (link.Server is not null)
                FlightTests.Feed(link.Server, tooLong, link.Now);
            return datagram;
        };
        link.Connect();
    }

    [Fact]
    public void A_wrong_key_and_an_unknown_identity_end_alike_in_silence()
    {
        foreach (Action<PskDtlsServer> answer in (Action<PskDtlsServer>[])[server => server.ProvidePsk(new byte[32]), server => server.RejectPsk()])
        {
            using var link = new VirtualLink { Answer = answer };
            link.Handshake();
            Assert.Equal(TlsErrorReason.HandshakeTimedOut, link.Client.Error?.Reason);
            Assert.Equal(TlsErrorReason.HandshakeTimedOut, link.Server!.Error?.Reason);
            Assert.False(link.Client.HasOutput || link.Server.HasOutput);
        }
    }

    [Fact]
    public void A_lookup_that_fails_is_told_to_the_client()
    {
        using var link = new VirtualLink { Answer = server => server.FailPsk() };
        link.Handshake();
        Assert.Equal(TlsErrorReason.PskLookupFailed, link.Server!.Error?.Reason);
        Assert.Equal((TlsErrorReason.PeerAlert, AlertDescription.InternalError), (link.Client.Error!.Reason, link.Client.Error.Alert));
    }
}
