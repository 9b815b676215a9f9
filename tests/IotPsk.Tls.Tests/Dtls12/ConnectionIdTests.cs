using System.Buffers.Binary;
using System.Security.Cryptography;
using FsCheck;
using FsCheck.Fluent;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Dtls;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tests.Support;
using IotPsk.Tls.Tls12;

namespace IotPsk.Tls.Tests.Dtls12;

/// <summary>RFC 9146.</summary>
public class ConnectionIdTests
{
    private static readonly byte[] ClientId = [0xc1, 0xc2];
    private static readonly byte[] ServerId = [1, 2, 3, 4, 5, 6, 7, 8];

    [Theory]
    [InlineData(2, 8)]
    [InlineData(0, 8)]
    [InlineData(2, 0)]
    [InlineData(0, 0)]
    [InlineData(255, 255)]
    public void Each_side_gets_records_with_the_id_it_asked_for(int clientLength, int serverLength)
    {
        byte[] clientId = [.. Enumerable.Repeat((byte)0xc1, clientLength)], serverId = [.. Enumerable.Repeat((byte)0x51, serverLength)];
        using var link = new VirtualLink(clientId: clientId, serverId: serverId);
        link.Connect();
        Assert.Equal(serverId, link.Client.PeerConnectionId.ToArray());
        Assert.Equal(clientId, link.Client.LocalConnectionId.ToArray());
        Assert.Equal(clientId, link.Server!.PeerConnectionId.ToArray());
        Assert.Equal((clientLength > 0, serverLength > 0), (link.Client.UsesConnectionId, link.Server.UsesConnectionId));
        byte[] toServer = VirtualLink.Sealed(link.Client, [1]), toClient = VirtualLink.Sealed(link.Server, [2]);
        Assert.Equal((serverLength > 0 ? 25 : 23, clientLength > 0 ? 25 : 23), (toServer[0], toClient[0]));
        Assert.Equal(serverId, toServer[11..(11 + serverLength)]);
        link.Exchange();
        link.Exchange(Math.Min(link.Client.MaxPlaintext, link.Server.MaxPlaintext));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Without_an_offer_or_an_answer_there_are_no_ids(bool offers, bool allows)
    {
        using var link = new VirtualLink(
            new PskDtlsClientOptions { Credential = Link.Credential(PskBinder.External), OfferConnectionId = offers }, new PskDtlsServerOptions { AllowConnectionId = allows },
            offers ? ClientId : [], allows ? ServerId : []);
        link.Connect();
        Assert.True(link.Client.PeerConnectionId.IsEmpty && link.Client.LocalConnectionId.IsEmpty && link.Server!.PeerConnectionId.IsEmpty && link.Server.LocalConnectionId.IsEmpty);
        Assert.Equal(23, VirtualLink.Sealed(link.Client, [1])[0]);
        link.Exchange();
    }

    [Fact]
    public void An_id_that_leaves_no_room_in_datagrams_is_not_taken()
    {
        using var link = new VirtualLink(server: new PskDtlsServerOptions { Mtu = 256 }, clientId: new byte[200], serverId: ServerId);
        link.Connect();
        Assert.False(link.Server!.UsesConnectionId);
        Assert.Throws<ArgumentException>(() => new PskDtlsClient(VirtualLink.ClientOptions, new byte[256]));
        Assert.Throws<ArgumentException>(() => new PskDtlsServer(new PskDtlsServerOptions { AllowConnectionId = false }, ServerId));
    }

    [Fact]
    public void A_record_without_the_negotiated_id_or_with_another_is_dropped()
    {
        using var link = Connected();
        byte[] good = VirtualLink.Sealed(link.Client, [1, 2, 3]);

        // Somebody rewrites the type and takes the id out: what is left is a record of another association.
        byte[] stripped = [23, .. good[1..11], .. good[19..]];
        byte[] other = [.. good];
        other[11] ^= 1;
        byte[] foreignType = [.. good];
        foreignType[0] = 23;
        foreach (byte[] bad in (byte[][])[stripped, other, foreignType, good[..15], good[..^1]])
            AssertDropped(link.Server!, bad);
        Assert.Equal(3, Take(link.Server!, good));
    }

    [Fact]
    public void A_record_with_an_id_that_nobody_asked_for_is_dropped()
    {
        using var link = new VirtualLink();
        link.Connect();
        byte[] good = VirtualLink.Sealed(link.Client, [1, 2, 3]);
        AssertDropped(link.Server!, [25, .. good[1..]]);
        AssertDropped(link.Server!, [25, .. good[1..11], .. ServerId, .. good[11..]]);
        Assert.Equal(3, Take(link.Server!, good));
    }

    [Fact]
    public void Only_an_authentic_record_newer_than_every_other_may_move_the_address()
    {
        using var link = Connected();
        byte[] first = VirtualLink.Sealed(link.Client, [1]), second = VirtualLink.Sealed(link.Client, [2]), third = VirtualLink.Sealed(link.Client, [3]);
        byte[] forged = [.. third];
        forged[^1] ^= 1;
        AssertDropped(link.Server!, forged);
        Assert.False(link.Server!.LastRecordIsNewest);
        Assert.Equal(1, Take(link.Server, second));
        Assert.True(link.Server.LastRecordIsNewest);
        Assert.Equal(1, Take(link.Server, first));
        Assert.False(link.Server.LastRecordIsNewest);
        AssertDropped(link.Server, second);
        Assert.False(link.Server.LastRecordIsNewest);
        Assert.Equal(1, Take(link.Server, third));
        Assert.True(link.Server.LastRecordIsNewest);
    }

    [Fact]
    public void An_association_goes_on_from_another_address()
    {
        using var link = Connected();
        link.Exchange();
        link.ClientAddress = 77;
        link.Exchange();
        Assert.Equal(1, link.Questions);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(256)]
    public void Padding_hides_lengths_and_is_taken_off(int block)
    {
        using var link = new VirtualLink(
            new PskDtlsClientOptions { Credential = Link.Credential(PskBinder.External), RecordPadding = block }, clientId: ClientId, serverId: ServerId);
        link.Connect();
        Assert.Single(Enumerable.Range(0, block - 1).Select(length => VirtualLink.Sealed(link.Client, new byte[length]).Length).Distinct());
        link.Exchange(1);
        link.Exchange(block - 1);
        link.Exchange(block);

        // Never beyond what the datagram or the peer takes.
        link.Exchange(link.Client.MaxPlaintext);
        Assert.Equal(link.Client.Mtu, VirtualLink.Sealed(link.Client, new byte[link.Client.MaxPlaintext]).Length);
    }

    [Fact]
    public void Trailing_zeros_of_data_are_not_padding()
    {
        using var link = Connected();
        link.ClientWrites([1, 0, 0, 0]);
        link.ClientWrites([0]);
        link.Settle();
        Assert.Equal([[1, 0, 0, 0], [0]], link.ServerReceived);
    }

    [Fact]
    public void The_associated_data_is_that_of_RFC_9146_section_5_3()
    {
        // Record of epoch 1, number 0x020304050607, id a1a2a3, 5 bytes of DTLSInnerPlaintext.
        byte[] header = new byte[30];
        int length = DtlsRecord.WriteHeader(header, ContentType.Tls12Cid, 0x0001_0203_0405_0607, [0xa1, 0xa2, 0xa3], 29);
        Assert.Equal("19fefd0001020304050607a1a2a3001d", Convert.ToHexStringLower(header.AsSpan(0, length)));
        byte[] data = new byte[DtlsAssociatedData.MaxLength];
        length = DtlsAssociatedData.Write(header.AsSpan(0, length), [0xa1, 0xa2, 0xa3], 5, data);
        Assert.Equal("ffffffffffffffff" + "19" + "03" + "19" + "fefd" + "0001" + "020304050607" + "a1a2a3" + "0005", Convert.ToHexStringLower(data.AsSpan(0, length)));

        // RFC 6347 s4.1.2.1 without an id.
        length = DtlsRecord.WriteHeader(header, ContentType.ApplicationData, 0x0001_0203_0405_0607, [], 29);
        length = DtlsAssociatedData.Write(header.AsSpan(0, length), [], 5, data);
        Assert.Equal("0001020304050607" + "17" + "fefd" + "0005", Convert.ToHexStringLower(data.AsSpan(0, length)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_record_is_what_the_library_makes_of_the_parts_by_hand(bool withId)
    {
        byte[] id = withId ? [0xa1, 0xa2, 0xa3] : [];
        using DtlsAssociation association = Association(out byte[] block, id);
        association.SendSequence = 0x0203_0405_0607;
        byte[] content = "reading 21.5"u8.ToArray();
        byte[] record = new byte[100];
        int length = association.Seal(ContentType.ApplicationData, content, record);

        byte[] inner = withId ? [.. content, 23] : content;
        byte[] number = [0, 1, 2, 3, 4, 5, 6, 7];
        byte[] header = [withId ? (byte)25 : (byte)23, 0xfe, 0xfd, .. number, .. id, 0, (byte)(8 + inner.Length + 8)];
        byte[] data = withId ? [255, 255, 255, 255, 255, 255, 255, 255, 25, 3, 25, 0xfe, 0xfd, .. number, .. id, 0, (byte)inner.Length] : [.. number, 23, 0xfe, 0xfd, 0, (byte)inner.Length];
        byte[] ciphertext = new byte[inner.Length], tag = new byte[8];
        using var ccm = new AesCcm(block.AsSpan(0, 16));
        byte[] nonce = [.. block[32..36], .. number];
        ccm.Encrypt(nonce, inner, ciphertext, tag, data);
        Assert.Equal([.. header, .. number, .. ciphertext, .. tag], record[..length]);
    }

    [Fact]
    public void The_extension_reads_back_and_nothing_else_does() => Prop.ForAll<byte[]>(id =>
    {
        byte[] buffer = new byte[300];
        var writer = new WireWriter(buffer);
        ConnectionId.Write(ref writer, id);
        ReadOnlySpan<byte> written = writer.Written;
        return BinaryPrimitives.ReadUInt16BigEndian(written) == 54 && BinaryPrimitives.ReadUInt16BigEndian(written[2..]) == id.Length + 1 &&
            ConnectionId.Parse(written[4..], out ReadOnlySpan<byte> back) == TlsErrorReason.None && back.SequenceEqual(id) &&
            ConnectionId.Parse([.. written[4..], 0], out _) == TlsErrorReason.MalformedConnectionId && ConnectionId.Parse(written[4..^1], out _) == TlsErrorReason.MalformedConnectionId;
    }).QuickCheckThrowOnFailure();

    private static DtlsAssociation Association(out byte[] block, byte[] peerId)
    {
        Assert.True(Tls12Suite.TryGet(CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, out Tls12Suite? suite));
        using var handshake = new Tls12Handshake(CryptoProvider.Default, suite);
        handshake.SetMaster(MasterSecret.Resume(CryptoProvider.Default, new byte[48]));
        block = new byte[40];
        handshake.Master!.ExpandKeyBlock(handshake.Randoms, block);
        return DtlsAssociation.Create(handshake, isServer: false, [], peerId);
    }

    private static VirtualLink Connected()
    {
        var link = new VirtualLink(clientId: ClientId, serverId: ServerId);
        link.Connect();
        return link;
    }

    private static int Take(PskDtlsConnection end, byte[] datagram)
    {
        end.Receive(datagram, 0, new byte[2000], out int consumed, out int written);
        Assert.Equal(datagram.Length, consumed);
        return written;
    }

    private static void AssertDropped(PskDtlsConnection end, byte[] datagram)
    {
        Assert.Equal(0, Take(end, datagram));
        Assert.False(end.LastRecordIsNewest);
        Assert.False(end.HasOutput);
        Assert.True(end.IsConnected);
    }
}
