using IotPsk.Tls.Records;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Dtls12;

/// <summary>Peers that have the right keys, or speak before there are any, and do not keep to the protocol.</summary>
public class HostileDtlsTests
{
    public static TheoryData<byte, byte[]> Noise => new()
    {
        { 20, [1] },
        { 21, [] },
        { 21, [2] },
        { 21, [2, 40, 0] },
        { 21, [1, 90] },
        { 21, [7, 40] },
        { 22, [] },
        { 22, [20, 0, 0, 12] },
        { 22, [16, 0, 0, 1, 0, 9, 0, 0, 0, 0, 0, 1, 7] },
        { 22, [20, 0, 0, 1, 0, 9, 0, 0, 0, 0, 0, 1, 7] },
        { 22, [1, 0, 0, 2, 0, 9, 0, 0, 1, 0, 0, 1, 7] },
        { 24, [1, 2, 3] },
        { 26, [] },
        { 99, [1] },
        { 0, [0, 0] },
    };

    [Theory]
    [MemberData(nameof(Noise))]
    public void Authentic_nonsense_is_passed_over(byte type, byte[] content)
    {
        foreach (byte[] id in (byte[][])[[], [5]])
        {
            using var link = new VirtualLink(serverId: id);
            link.Connect();
            byte[] datagram = new byte[200];
            int length = link.Client.Association!.Seal((ContentType)type, content, datagram);
            Assert.Equal(PskTlsStatus.Complete, link.Server!.Receive(datagram.AsSpan(0, length), link.Now, new byte[200], out int consumed, out int written));
            Assert.Equal((length, 0, false), (consumed, written, link.Server.HasOutput));
            link.Exchange();
        }
    }

    [Theory]
    [InlineData(12, TlsErrorReason.FinishedMismatch)]
    [InlineData(11, TlsErrorReason.MalformedFinished)]
    public void A_wrong_Finished_under_the_right_keys_is_told(int length, TlsErrorReason reason)
    {
        using var link = new VirtualLink();
        link.Tamper = (fromClient, datagram) =>
        {
            if (!fromClient || datagram[13] != 16)
                return datagram;
            byte[] record = new byte[200];
            int taken = link.Client.Association!.Seal(ContentType.Handshake, TestDatagram.FragmentBytes(20, (ushort)(datagram[18] + 1), new byte[length]), record);
            return [.. FlightTests.Split(datagram)[0], .. record[..taken]];
        };
        link.Handshake();
        Assert.Equal(reason, link.Server!.Error?.Reason);
        Assert.Equal((TlsErrorReason.PeerAlert, TlsErrorMap.Alert(reason)), (link.Client.Error!.Reason, link.Client.Error.Alert));
    }

    [Fact]
    public void Data_before_the_Finished_is_not_data()
    {
        using var link = new VirtualLink();
        link.Tamper = (fromClient, datagram) =>
        {
            if (!fromClient || datagram[13] != 16)
                return datagram;
            byte[] record = new byte[200];
            int taken = link.Client.Association!.Seal(ContentType.ApplicationData, [1, 2, 3], record);
            byte[][] records = FlightTests.Split(datagram);
            return [.. records[0], .. record[..taken], .. records[1], .. records[2]];
        };
        link.Connect();
        Assert.Empty(link.ServerReceived);
    }

    [Fact]
    public void A_client_is_asked_for_a_renegotiation_in_vain()
    {
        using var link = new VirtualLink(clientId: [1]);
        link.Connect();
        byte[] datagram = new byte[2000];
        int length = link.Server!.Association!.Seal(ContentType.Handshake, TestDatagram.FragmentBytes(0, 9, []), datagram);
        link.Client.Receive(datagram.AsSpan(0, length), link.Now, new byte[100], out _, out _);
        Assert.True(link.Client.HasOutput);
        link.Exchange();
    }

    public static Dictionary<string, (Func<byte[], byte[]> Change, TlsErrorReason Reason)> BadHellos => new()
    {
        ["DTLS 1.0"] = (hello => Set(hello, 26, 0xff), TlsErrorReason.ServerTooOld),
        ["DTLS 1.3 as the version"] = (hello => Set(hello, 26, 0xfc), TlsErrorReason.SelectedUnofferedVersion),
        ["TLS 1.2"] = (hello => Set(Set(hello, 25, 3), 26, 3), TlsErrorReason.SelectedUnofferedVersion),
        ["a suite that was not offered"] = (hello => Set(hello, 25 + 36 + hello[25 + 34], 0xa9), TlsErrorReason.SelectedUnofferedCipherSuite),
        ["compression"] = (hello => Set(hello, 25 + 37 + hello[25 + 34], 1), TlsErrorReason.BadCompressionMethods),
        ["a connection id that was not asked for"] = (hello => Extend(hello, [0, 54, 0, 2, 1, 7]), TlsErrorReason.UnsolicitedExtension),
        ["an extension twice"] = (hello => Extend(hello, [0, 23, 0, 0]), TlsErrorReason.DuplicateExtension),
        ["an unknown extension"] = (hello => Extend(hello, [0x55, 0x55, 0, 0]), TlsErrorReason.UnsolicitedExtension),
    };

    public static TheoryData<string> BadHelloNames => [.. BadHellos.Keys];

    [Theory]
    [MemberData(nameof(BadHelloNames))]
    public void A_server_hello_that_does_not_fit_the_offer_is_refused_with_its_alert(string name)
    {
        (Func<byte[], byte[]> change, TlsErrorReason reason) = BadHellos[name];
        using var link = new VirtualLink(new PskDtlsClientOptions { Credential = Link.Credential(PskBinder.External), OfferConnectionId = false });
        link.Tamper = (fromClient, datagram) =>
        {
            if (fromClient || datagram[13] != 2)
                return datagram;
            byte[][] records = FlightTests.Split(datagram);
            return [.. change(records[0]), .. records[1..].SelectMany(record => record)];
        };
        link.Handshake();
        Assert.Equal(reason, link.Client.Error?.Reason);
        Assert.Equal((TlsErrorReason.PeerAlert, TlsErrorMap.Alert(reason)), (link.Server!.Error!.Reason, link.Server.Error.Alert));
    }

    [Fact]
    public void A_malformed_connection_id_in_the_answer_is_refused()
    {
        using var link = new VirtualLink(serverId: [1, 2, 3]);
        link.Tamper = (fromClient, datagram) =>
        {
            int at = fromClient ? -1 : datagram.AsSpan().IndexOf((byte[])[0, 54, 0, 4, 3]);
            return at < 0 ? datagram : Set(datagram, at + 4, 2);
        };
        link.Handshake();
        Assert.Equal(TlsErrorReason.MalformedConnectionId, link.Client.Error?.Reason);
    }

    [Fact]
    public void A_hello_for_DTLS_13_alone_is_refused_and_one_for_both_is_served()
    {
        foreach ((byte version, bool served) in ((byte, bool)[])[(0xfc, false), (0xfd, true)])
        {
            using var client = new PskDtlsClient(VirtualLink.ClientOptions, []);
            client.Continue(0);
            byte[] buffer = new byte[2000];
            Assert.True(client.Flush(buffer, out int length));
            byte[] hello = Extend(buffer[..length], [0, 43, 0, 3, 2, 0xfe, version], isClient: true);
            using var server = new PskDtlsServer(new PskDtlsServerOptions(), []);
            server.Receive(hello, 0, new byte[100], out _, out _);
            Assert.True(server.HasOutput);
            Assert.Equal(served ? null : TlsErrorReason.NoCommonVersion, server.Error?.Reason);
        }
    }

    private static byte[] Set(byte[] bytes, int at, int value)
    {
        byte[] changed = [.. bytes];
        changed[at] = (byte)value;
        return changed;
    }

    /// <summary>Adds an extension to a hello in a record of its own; all lengths follow.</summary>
    private static byte[] Extend(byte[] record, byte[] extension, bool isClient = false)
    {
        byte[] longer = [.. record, .. extension];
        int extensions = 25 + 34 + 1 + record[25 + 34] + 3;
        if (isClient)
        {
            extensions = 25 + 34 + 1 + record[25 + 34];
            extensions += 1 + record[extensions];
            extensions += 2 + (record[extensions] << 8) + record[extensions + 1];
            extensions += 1 + record[extensions];
        }

        foreach (int at in (int[])[11, 15, 23, extensions])
        {
            int length = (longer[at] << 8) + longer[at + 1] + extension.Length;
            longer[at] = (byte)(length >> 8);
            longer[at + 1] = (byte)length;
        }

        return longer;
    }
}
