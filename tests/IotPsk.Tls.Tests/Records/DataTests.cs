using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Records;

/// <summary>Records after the handshake, each rule both ways: what the client may not send the server, and the reverse.</summary>
public class DataTests
{
    public static TheoryData<string, bool> Records
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (string what in BadRecords.Keys)
            {
                data.Add(what, true);
                data.Add(what, false);
            }

            return data;
        }
    }

    internal static Dictionary<string, (Func<PskTlsConnection, byte[]> Record, TlsErrorReason Reason)> BadRecords => new()
    {
        ["plain data"] = (_ => TestRecord.Plain(23, 1, 2, 3), TlsErrorReason.BadRecordMac),
        ["plain alert"] = (_ => TestRecord.Plain(21, 2, 40), TlsErrorReason.UnexpectedRecordType),
        ["plain handshake"] = (_ => TestRecord.Plain(22, 24, 0, 0, 1, 0), TlsErrorReason.UnexpectedRecordType),
        ["change_cipher_spec"] = (_ => TestRecord.Plain(20, 1), TlsErrorReason.MisplacedChangeCipherSpec),
        ["protected change_cipher_spec"] = (c => TestRecord.Protected(c, 20, 1), TlsErrorReason.UnexpectedRecordType),
        ["unknown inner type"] = (c => TestRecord.Protected(c, 25, 1), TlsErrorReason.UnexpectedRecordType),
        ["only zeros"] = (c => TestRecord.Protected(c, 0, 0, 0, 0), TlsErrorReason.RecordWithoutContentType),
        ["empty handshake"] = (c => TestRecord.Protected(c, 22), TlsErrorReason.EmptyRecord),
        ["empty alert"] = (c => TestRecord.Protected(c, 21), TlsErrorReason.EmptyRecord),
        ["long alert"] = (c => TestRecord.Protected(c, 21, 1, 0, 0), TlsErrorReason.MalformedAlert),
        ["ClientHello"] = (c => TestRecord.Protected(c, 22, 1, 0, 0, 0), TlsErrorReason.UnexpectedHandshakeMessage),
        ["Finished"] = (c => TestRecord.Protected(c, 22, 20), TlsErrorReason.UnexpectedHandshakeMessage),
        ["empty KeyUpdate"] = (c => TestRecord.Protected(c, 22, 24, 0, 0, 0), TlsErrorReason.MalformedKeyUpdate),
        ["KeyUpdate of two bytes"] = (c => TestRecord.Protected(c, 22, 24, 0, 0, 2, 0, 0), TlsErrorReason.HandshakeMessageTooLarge),
        ["KeyUpdate of 2"] = (c => TestRecord.Protected(c, 22, 24, 0, 0, 1, 2), TlsErrorReason.BadKeyUpdateRequest),
        ["bytes after KeyUpdate"] = (c => TestRecord.Protected(c, 22, 24, 0, 0, 1, 0, 24), TlsErrorReason.ExcessHandshakeData),
        ["data inside KeyUpdate"] = (c => [.. TestRecord.Protected(c, 22, 24, 0), .. TestRecord.Protected(c, 23, 1)], TlsErrorReason.InterleavedHandshake),
        ["record over 2^14+256"] = (_ => [23, 3, 3, 0x41, 1], TlsErrorReason.RecordTooLarge),
        ["inner plaintext over 2^14+1"] = (c => TestRecord.Protected(c, 23, new byte[16385]), TlsErrorReason.RecordTooLarge),
        ["changed bit"] = (c => Flip(TestRecord.Protected(c, 23, 1, 2, 3)), TlsErrorReason.BadRecordMac),
        ["lost record"] = (c => { TestRecord.Protected(c, 23, 1); return TestRecord.Protected(c, 23, 2); }, TlsErrorReason.BadRecordMac),
    };

    [Theory]
    [MemberData(nameof(Records))]
    public void A_bad_record_ends_the_connection_with_a_protected_alert(string what, bool toServer)
    {
        using var link = new Link();
        link.Connect();
        (Wire sender, Wire receiver) = toServer ? (link.ClientEnd, link.ServerEnd) : (link.ServerEnd, link.ClientEnd);
        (Func<PskTlsConnection, byte[]> record, TlsErrorReason reason) = BadRecords[what];
        byte[] alert = receiver.Deliver(record(sender.Connection));
        Assert.Equal(reason, receiver.Connection.Error?.Reason);
        Assert.Equal(PskTlsStatus.Closed, receiver.Status);
        Assert.False(receiver.Connection.IsConnected);
        Assert.NotNull(receiver.Connection.Session);
        Assert.Empty(receiver.Received);

        sender.Deliver(alert);
        Assert.Equal(TlsErrorReason.PeerAlert, sender.Connection.Error?.Reason);
        Assert.Equal(TlsErrorMap.Alert(reason), sender.Connection.Error?.Alert);
        Assert.Equal(PskTlsStatus.Closed, sender.Connection.Write([1], new byte[100], out _, out _));
    }

    [Fact]
    public void A_repeated_record_is_refused()
    {
        using var link = new Link();
        link.Connect();
        byte[] record = link.ClientEnd.Write([1, 2, 3]);
        link.ServerEnd.Deliver(record);
        link.ServerEnd.Deliver(record);
        Assert.Equal(TlsErrorReason.BadRecordMac, link.Server.Error?.Reason);
        Assert.Equal([1, 2, 3], link.ServerEnd.Received);
    }

    [Fact]
    public void A_server_takes_no_ticket_and_a_client_only_a_whole_one()
    {
        byte[] ticket = [4, 0, 0, 18, 0, 0, 1, 0, 1, 2, 3, 4, 1, 0, 0, 4, 9, 9, 9, 9, 0, 0];
        using var link = new Link();
        link.Connect();
        link.ClientEnd.Deliver(TestRecord.Protected(link.Server, 22, [.. ticket, .. ticket]));
        Assert.Null(link.Client.Error);
        link.Exchange();
        link.ClientEnd.Deliver(TestRecord.Protected(link.Server, 22, [4, 0, 0, 18, .. ticket[4..20], 0, 1]));
        Assert.Equal(TlsErrorReason.MalformedNewSessionTicket, link.Client.Error?.Reason);

        using var other = new Link();
        other.Connect();
        other.ServerEnd.Deliver(TestRecord.Protected(other.Client, 22, ticket));
        Assert.Equal(TlsErrorReason.UnexpectedHandshakeMessage, other.Server.Error?.Reason);
    }

    [Fact]
    public void Padding_is_taken_off()
    {
        using var link = new Link();
        link.Connect();
        link.ServerEnd.Deliver(TestRecord.Protected(link.Client, 0, [1, 2, 0, 23, .. new byte[300]]));
        Assert.Equal([1, 2, 0], link.ServerEnd.Received);
        Assert.Null(link.Server.Error);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Empty_data_is_borne_for_a_while_and_forgotten_when_data_comes(bool toServer)
    {
        using var link = new Link();
        link.Connect();
        (Wire sender, Wire receiver) = toServer ? (link.ClientEnd, link.ServerEnd) : (link.ServerEnd, link.ClientEnd);
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < 32; i++)
                receiver.Deliver(TestRecord.Protected(sender.Connection, 23));
            receiver.Deliver(sender.Write([1]));
        }

        Assert.Null(receiver.Connection.Error);
        for (int i = 0; i < 33; i++)
            receiver.Deliver(TestRecord.Protected(sender.Connection, 23));
        Assert.Equal(TlsErrorReason.TooManyEmptyRecords, receiver.Connection.Error?.Reason);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Warnings_are_borne_for_a_while_and_forgotten_when_data_comes(bool toServer)
    {
        using var link = new Link();
        link.Connect();
        (Wire sender, Wire receiver) = toServer ? (link.ClientEnd, link.ServerEnd) : (link.ServerEnd, link.ClientEnd);
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < 4; i++)
                receiver.Deliver(TestRecord.Protected(sender.Connection, 21, 1, 90));
            receiver.Deliver(sender.Write([1]));
        }

        Assert.Null(receiver.Connection.Error);
        for (int i = 0; i < 5; i++)
            receiver.Deliver(TestRecord.Protected(sender.Connection, 21, 1, 90));
        Assert.Equal(TlsErrorReason.TooManyWarnings, receiver.Connection.Error?.Reason);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16384)]
    [InlineData(16385)]
    [InlineData(100_000)]
    public void Any_amount_of_data_goes_through(int size)
    {
        using var link = new Link();
        link.Connect();
        link.Exchange(size);
    }

    [Fact]
    public void A_destination_that_is_too_small_consumes_nothing()
    {
        using var link = new Link();
        link.Connect();
        byte[] record = link.ClientEnd.Write(new byte[100]);
        Assert.Equal(PskTlsStatus.DestinationTooSmall, link.Server.Read(record, new byte[100], out int consumed, out int written));
        Assert.Equal(0, consumed + written);
        Assert.Equal(PskTlsStatus.Complete, link.Server.Read(record, new byte[101], out consumed, out written));
        Assert.Equal((record.Length, 100), (consumed, written));
    }

    [Fact]
    public void Write_fills_the_room_with_whole_records()
    {
        using var link = new Link();
        link.Connect();
        byte[] wire = new byte[17_000];
        byte[] data = new byte[40_000];
        Assert.Equal(PskTlsStatus.DestinationTooSmall, link.Client.Write(data, new byte[22], out int consumed, out int written));
        Assert.Equal(0, consumed + written);
        Assert.Equal(PskTlsStatus.DestinationTooSmall, link.Client.Write(data, wire.AsSpan(0, 100), out consumed, out written));
        Assert.Equal((78, 100), (consumed, written));
        link.ServerEnd.Deliver(wire.AsSpan(0, written));
        Assert.Equal(PskTlsStatus.DestinationTooSmall, link.Client.Write(data, wire, out consumed, out written));
        Assert.Equal((16384, 16384 + 22), (consumed, written));
        link.ServerEnd.Deliver(wire.AsSpan(0, written));
        Assert.Equal(78 + 16384, link.ServerEnd.Received.Count);
    }

    [Fact]
    public void A_close_notify_ends_one_direction_only()
    {
        using var link = new Link();
        link.Connect();
        link.ServerEnd.Deliver([.. link.ClientEnd.Write([1]), .. link.ClientEnd.Shutdown()]);
        Assert.Equal([1], link.ServerEnd.Received);
        Assert.Equal(PskTlsStatus.Closed, link.ServerEnd.Status);
        Assert.Null(link.Server.Error);

        link.ClientEnd.Deliver(link.ServerEnd.Write([2]));
        Assert.Equal([2], link.ClientEnd.Received);
        link.ClientEnd.Deliver(link.ServerEnd.Shutdown());
        Assert.Equal(PskTlsStatus.Closed, link.ClientEnd.Status);
        Assert.Null(link.Client.Error);
        Assert.Empty(link.ClientEnd.Shutdown());
        Assert.Throws<InvalidOperationException>(() => link.Client.Write([1], new byte[100], out _, out _));
    }

    [Fact]
    public void Data_after_the_peers_close_notify_is_not_read()
    {
        using var link = new Link();
        link.Connect();
        byte[] close = TestRecord.Protected(link.Client, 21, 1, 0);
        link.ServerEnd.Deliver([.. close, .. TestRecord.Protected(link.Client, 23, 1)]);
        Assert.Empty(link.ServerEnd.Received);
        Assert.Equal(PskTlsStatus.Closed, link.Server.Read([], [], out _, out _));
    }

    [Fact]
    public void The_last_sequence_number_is_not_used()
    {
        using var link = new Link();
        link.Connect();
        link.Client.Records.WriteProtection!.Sequence = ulong.MaxValue;
        Assert.Equal(PskTlsStatus.Closed, link.Client.Write([1], new byte[100], out _, out int written));
        Assert.Equal(0, written);
        Assert.Equal(TlsErrorReason.SequenceExhausted, link.Client.Error?.Reason);

        // Not even an alert goes under the last number, and nothing goes in its place.
        Assert.False(link.Client.HasOutput);
    }

    private static byte[] Flip(byte[] record)
    {
        record[^1] ^= 1;
        return record;
    }
}
