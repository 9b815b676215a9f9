using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Dtls12;

public class DtlsDataTests
{
    private static readonly PskTlsCredential Credential = Link.Credential(PskBinder.External);

    [Theory]
    [InlineData(512)]
    [InlineData(1024)]
    public void Max_fragment_length_holds_for_messages_and_data_both_ways(int length)
    {
        var options = new PskDtlsClientOptions { Credential = Credential, MaxFragmentLength = length, RecordSizeLimit = 0, Mtu = 4000 };
        using var link = new VirtualLink(options, new PskDtlsServerOptions { PskIdentityHint = new byte[1000], Mtu = 4000 });
        int longest = 0;
        link.Tamper = (fromClient, datagram) =>
        {
            if (!fromClient && link.Server is { IsConnected: false })
                longest = Math.Max(longest, FlightTests.Split(datagram).Max(record => record.Length - 13));
            return datagram;
        };
        link.Connect();
        Assert.Equal(length, longest);
        Assert.Equal((length, length), (link.Client.MaxPlaintext, link.Server!.MaxPlaintext));
        link.Exchange(length);
    }

    [Fact]
    public void Record_size_limit_goes_before_max_fragment_length_and_counts_content_alone()
    {
        var options = new PskDtlsClientOptions { Credential = Credential, MaxFragmentLength = 1024, RecordSizeLimit = 100 };
        using var link = new VirtualLink(options, new PskDtlsServerOptions { RecordSizeLimit = 200 }, [1], [2]);
        link.Connect();
        Assert.Equal((200, 100), (link.Client.MaxPlaintext, link.Server!.MaxPlaintext));
        link.ServerWrites(new byte[100]);
        link.ClientWrites(new byte[200]);
        link.Settle();
        Assert.Equal((100, 200), (link.ClientReceived[0].Length, link.ServerReceived[0].Length));

        // RFC 8449 s4: what is longer may be discarded.
        link.Client.Association!.PeerLimit = 300;
        link.ClientWrites(new byte[201]);
        link.Settle();
        Assert.Single(link.ServerReceived);
        Assert.True(link.IsDone);
    }

    [Fact]
    public void A_caller_hears_what_it_does_wrong()
    {
        using var link = new VirtualLink();
        Assert.Throws<InvalidOperationException>(() => link.Client.Write([1], new byte[100], out _));
        Assert.Throws<ArgumentException>(() => link.Client.Flush(new byte[100], out _));
        link.Connect();
        Assert.Throws<ArgumentException>(() => link.Client.Write(new byte[link.Client.MaxPlaintext + 1], new byte[9000], out _));
        Assert.Equal(PskTlsStatus.DestinationTooSmall, link.Client.Write(new byte[10], new byte[20], out _));
        byte[] record = VirtualLink.Sealed(link.Client, new byte[50]);
        Assert.Equal(PskTlsStatus.DestinationTooSmall, link.Server!.Receive(record, 0, new byte[49], out int consumed, out _));
        Assert.Equal(0, consumed);
        Assert.Equal(PskTlsStatus.Complete, link.Server.Receive(record, 0, new byte[50], out consumed, out int written));
        Assert.Equal((record.Length, 50), (consumed, written));
        Assert.Throws<InvalidOperationException>(() => link.Server.GetPendingIdentity(0));
        Assert.Throws<InvalidOperationException>(() => link.Server.ExportKeyingMaterial("x"u8, default, new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => link.Server.Mtu = 255);
        Assert.Throws<ArgumentException>(() => new PskDtlsClientOptions { Credential = Link.Credential() });
        Assert.Throws<ArgumentOutOfRangeException>(() => new PskDtlsClientOptions { Credential = Credential, MaxFragmentLength = 513 });
        Assert.Throws<ArgumentException>(() => new PskDtlsClientOptions { Credential = Credential, ServerName = "" });
        Assert.Throws<ArgumentException>(() => new PskDtlsServerOptions { PskIdentityHint = new byte[1025] });
        Assert.Throws<ArgumentOutOfRangeException>(() => new PskDtlsServerOptions { RetransmissionTimer = 9 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new PskDtlsServerOptions { MaxRetransmissions = 61 });
        link.Client.Dispose();
        Assert.Throws<ObjectDisposedException>(() => link.Client.Continue(0));
    }

    [Fact]
    public void Datagrams_of_several_records_are_taken_one_by_one_and_what_follows_noise_is_dropped()
    {
        using var link = new VirtualLink();
        link.Connect();
        byte[] first = VirtualLink.Sealed(link.Client, [1]), second = VirtualLink.Sealed(link.Client, [2]), third = VirtualLink.Sealed(link.Client, [3]);
        link.Deliver(toServer: true, [.. first, .. second, 23, 0xfe, 0xfd, 0, 1]);
        link.Deliver(toServer: true, [99, .. third]);
        Assert.Equal([[1], [2]], link.ServerReceived);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    public void No_changed_bit_of_a_record_gets_through(int idLength)
    {
        using var link = new VirtualLink(serverId: new byte[idLength]);
        link.Connect();
        byte[] record = VirtualLink.Sealed(link.Client, [1, 2, 3, 4]);
        byte[] plaintext = new byte[100];
        for (int bit = 0; bit < record.Length * 8; bit++)
        {
            byte[] changed = [.. record];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            link.Server!.Receive(changed, 0, plaintext, out _, out int written);
            Assert.Equal((0, false), (written, link.Server.HasOutput));
            Assert.True(link.Server.IsConnected);
        }

        link.Server!.Receive(record, 0, plaintext, out _, out int good);
        Assert.Equal(4, good);
        link.Server.Receive(record, 0, plaintext, out _, out good);
        Assert.Equal(0, good);
    }

    [Fact]
    public void Records_of_past_and_future_epochs_are_dropped()
    {
        using var link = new VirtualLink();
        link.Connect();
        byte[] record = VirtualLink.Sealed(link.Client, [1]);
        foreach (byte epoch in (byte[])[0, 2, 255])
        {
            byte[] changed = [.. record];
            changed[4] = epoch;
            link.Deliver(toServer: true, changed);
        }

        Assert.Empty(link.ServerReceived);
        Assert.True(link.IsDone);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Close_notify_ends_both_sides_and_is_answered(bool byClient)
    {
        using var link = new VirtualLink(clientId: [1], serverId: [2]);
        link.Connect();
        PskDtlsConnection first = byClient ? link.Client : link.Server!, second = byClient ? link.Server! : link.Client;
        byte[] datagram = new byte[first.Mtu];
        Assert.Equal(PskTlsStatus.Closed, first.Shutdown(datagram, out int written));
        Assert.Equal(PskTlsStatus.Closed, first.Write([1], datagram, out _));
        Assert.Equal(PskTlsStatus.Closed, second.Receive(datagram.AsSpan(0, written), 0, new byte[100], out _, out _));
        Assert.True(second.Flush(datagram, out written));
        Assert.True(written > 0);
        Assert.Null(first.Error);
        Assert.Null(second.Error);
        Assert.False(first.IsConnected || second.IsConnected);
        Assert.Null(first.Session);
    }

    [Fact]
    public void Worn_keys_end_the_association_and_numbers_never_wrap()
    {
        using var link = new VirtualLink(DtlsTickets.Client());
        link.Connect();
        link.Client.Association!.Sealed = (1 << 23) - 1;
        link.Exchange();
        byte[] datagram = new byte[2000];
        Assert.Equal(PskTlsStatus.Closed, link.Client.Write([1], datagram, out int written));
        Assert.True(written > 0 && link.Client.IsWornOut);
        Assert.Null(link.Client.Error);
        Assert.Equal(PskTlsStatus.Closed, link.Server!.Receive(datagram.AsSpan(0, written), 0, new byte[100], out _, out _));

        using var last = new VirtualLink();
        last.Connect();
        last.Client.Association!.SendSequence = (1UL << 48) - 1;
        byte[] record = VirtualLink.Sealed(last.Client, [1]);
        Assert.Equal([0, 1, 255, 255, 255, 255, 255, 255], record[3..11]);
        last.Deliver(toServer: true, record);
        Assert.Single(last.ServerReceived);
        Assert.Equal(PskTlsStatus.Closed, last.Client.Write([1], datagram, out _));
        Assert.Equal(TlsErrorReason.SequenceExhausted, last.Client.Error?.Reason);
        Assert.False(last.Client.HasOutput);
    }

    [Fact]
    public void A_renegotiation_is_declined_by_a_warning_a_bounded_number_of_times()
    {
        using var link = new VirtualLink();
        link.Connect();
        int warnings = 0;
        byte[] datagram = new byte[2000];
        for (int i = 0; i < 50; i++)
        {
            byte[] hello = TestDatagram.FragmentBytes(1, (ushort)i, TestDatagram.HelloBody([]));
            int length = link.Client.Association!.Seal(Tls.Records.ContentType.Handshake, hello, datagram);
            link.Server!.Receive(datagram.AsSpan(0, length), 0, new byte[200], out _, out _);
            while (link.Server.Flush(datagram, out length))
            {
                if (datagram[0] == 21)
                    warnings++;
            }
        }

        Assert.Equal(32, warnings);
        link.Exchange();
    }

    [Fact]
    public void Both_ends_export_the_same_if_they_keep_what_it_takes()
    {
        using var link = new VirtualLink(new PskDtlsClientOptions { Credential = Credential, KeepsExporter = true }, new PskDtlsServerOptions { KeepsExporter = true });
        link.Connect();
        byte[] client = new byte[40], server = new byte[40], other = new byte[40];
        link.Client.ExportKeyingMaterial("EXPERIMENTAL iotpsk"u8, "x"u8, client);
        link.Server!.ExportKeyingMaterial("EXPERIMENTAL iotpsk"u8, "x"u8, server);
        link.Server.ExportKeyingMaterial("EXPERIMENTAL iotpsk"u8, default, other);
        Assert.Equal(client, server);
        Assert.NotEqual(client, other);
    }

    [Fact]
    public void The_key_log_names_the_session_once()
    {
        var lines = new List<string>();
        using var link = new VirtualLink(server: new PskDtlsServerOptions { KeyLog = lines.Add });
        link.Connect();
        Assert.Matches("^CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}$", Assert.Single(lines));
    }

    [Fact]
    public void An_application_protocol_is_agreed_on_or_missed()
    {
        var options = new PskDtlsClientOptions { Credential = Credential, ApplicationProtocols = ["coap"u8.ToArray()] };
        using var link = new VirtualLink(options, new PskDtlsServerOptions { ApplicationProtocols = ["coap"u8.ToArray()] });
        link.Connect();
        Assert.Equal("coap"u8.ToArray(), link.Server!.Session!.ApplicationProtocol.ToArray());
        Assert.Equal("coap"u8.ToArray(), link.Client.Session!.ApplicationProtocol.ToArray());
        using var other = new VirtualLink(options, new PskDtlsServerOptions { ApplicationProtocols = ["mqtt"u8.ToArray()] });
        other.Handshake();
        Assert.Equal(AlertDescription.NoApplicationProtocol, other.Client.Error?.Alert);
    }

    [Fact]
    public void Ends_without_a_common_suite_tell_each_other()
    {
        using var link = new VirtualLink(
            new PskDtlsClientOptions { Credential = Credential, CipherSuites = [CipherSuite.TLS_PSK_WITH_AES_128_CCM_8] },
            new PskDtlsServerOptions { CipherSuites = [CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256] });
        link.Handshake();
        Assert.Equal(TlsErrorReason.NoCommonCipherSuite, link.Server!.Error?.Reason);
        Assert.Equal(AlertDescription.HandshakeFailure, link.Client.Error?.Alert);
    }
}
