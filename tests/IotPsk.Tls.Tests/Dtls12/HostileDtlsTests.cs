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

    public static Dictionary<string, (byte Message, bool Ecdhe, Func<byte[], byte[]> Change, TlsErrorReason Reason)> BadMessages => new()
    {
        ["ServerKeyExchange: a hint longer than the message"] = (12, false, body => Set(body, 1, body[1] + 1), TlsErrorReason.MalformedServerKeyExchange),
        ["ServerKeyExchange: a point off the curve"] = (12, true, body => Set(body, body.Length - 1, body[^1] ^ 1), TlsErrorReason.InvalidKeyShare),
        ["ServerKeyExchange: a group that was not offered"] = (12, true, body => Set(body, 8, 0x18), TlsErrorReason.SelectedUnofferedGroup),
        ["ServerHelloDone: not empty"] = (14, false, _ => [7], TlsErrorReason.MalformedServerHelloDone),
        ["NewSessionTicket: cut off"] = (4, false, body => body[..9], TlsErrorReason.MalformedNewSessionTicket),
        ["ClientKeyExchange: an identity longer than the message"] = (16, false, body => Set(body, 1, body[1] + 1), TlsErrorReason.MalformedClientKeyExchange),
        ["ClientKeyExchange: a point off the curve"] = (16, true, body => Set(body, body.Length - 1, body[^1] ^ 1), TlsErrorReason.InvalidKeyShare),
    };

    public static TheoryData<string> BadMessageNames => [.. BadMessages.Keys];

    [Theory]
    [MemberData(nameof(BadMessageNames))]
    public void A_message_that_does_not_parse_or_fit_ends_the_handshake_with_its_alert(string name)
    {
        (byte message, bool ecdhe, Func<byte[], byte[]> change, TlsErrorReason reason) = BadMessages[name];
        using var tickets = new DtlsTickets();
        var options = new PskDtlsServerOptions { PskIdentityHint = "hint"u8.ToArray(), Tickets = tickets.Options().Tickets, Groups = [NamedGroup.Secp256r1] };
        var client = DtlsTickets.Client(ecdhe ? CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256 : CipherSuite.TLS_PSK_WITH_AES_128_CCM_8);
        using var link = new VirtualLink(client, options) { Answer = tickets.Answer };
        link.Tamper = (_, datagram) => [.. FlightTests.Split(datagram).SelectMany(record =>
            record[0] == 22 && record[4] == 0 && record[13] == message ? TestDatagram.Fragment(message, record[18], change(record[25..]), recordSequence: record[10]) : record)];
        link.Handshake();
        PskDtlsConnection end = message == 16 ? link.Server! : link.Client, peer = message == 16 ? link.Client : link.Server!;
        Assert.Equal(reason, end.Error?.Reason);

        // A client whose flight is out tells it under the new keys, which the server has too.
        Assert.Equal(TlsErrorMap.Alert(reason), peer.Error?.Alert);
    }

    [Fact]
    public void The_owner_sees_what_the_question_is_about()
    {
        using var tickets = new DtlsTickets();
        using PskTlsTicket ticket = tickets.Earn();
        int questions = 0;
        using VirtualLink link = tickets.Make(DtlsTickets.Client(ticket: ticket));
        link.Answer = server =>
        {
            Assert.Equal((1, TlsProtocol.Dtls12, 32), (server.PendingIdentityCount, server.PendingProtocol, server.ClientRandom.Length));
            Assert.Equal(questions == 0 ? 0 : 32, server.ServerRandom.Length);
            Assert.Equal(questions == 0 ? ticket.Ticket.ToArray() : Link.Identity, server.GetPendingIdentity(0).ToArray());
            Assert.Throws<ArgumentException>(() => server.ProvidePsk(default));
            if (questions++ == 0)
                server.RejectPsk();
            else
                server.ProvidePsk(Link.Key);
            Assert.Throws<InvalidOperationException>(server.RejectPsk);
        };
        link.Connect();
        Assert.Equal(2, questions);
        Assert.Equal((0, TlsProtocol.None), (link.Server!.PendingIdentityCount, link.Server.PendingProtocol));
        Assert.Throws<InvalidOperationException>(link.Server.FailPsk);
    }

    [Fact]
    public void A_lookup_that_fails_for_a_ticket_is_told()
    {
        using var tickets = new DtlsTickets();
        using PskTlsTicket ticket = tickets.Earn();
        using VirtualLink link = tickets.Make(DtlsTickets.Client(ticket: ticket));
        link.Answer = server => server.FailPsk();
        link.Handshake();
        Assert.Equal((TlsErrorReason.PskLookupFailed, AlertDescription.InternalError), (link.Server!.Error!.Reason, link.Client.Error!.Alert));
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
