using FsCheck;
using FsCheck.Fluent;
using IotPsk.Tls.Dtls;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Dtls;

public class DtlsRecordHeaderTests
{
    [Fact]
    public void A_header_reads_back_as_it_was_written() => Prop.ForAll<byte[], PositiveInt, byte[]>((id, sequence, fragment) =>
    {
        ushort epoch = (ushort)(sequence.Get * 31);
        id = id.Length > 255 ? id[..255] : id;
        ContentType type = id.Length > 0 ? ContentType.Tls12Cid : ContentType.ApplicationData;
        byte[] datagram = new byte[DtlsRecord.HeaderLength + id.Length + fragment.Length + 5];
        int length = DtlsRecord.WriteHeader(datagram, type, DtlsRecord.NumberOf(epoch, (ulong)sequence.Get), id, fragment.Length);
        fragment.CopyTo(datagram, length);
        return DtlsRecord.TryRead(datagram, id.Length, out DtlsRecord record) && record.Type == type && record.Epoch == epoch && record.Sequence == (ulong)sequence.Get &&
            record.ConnectionId.SequenceEqual(id) && record.Fragment.SequenceEqual(fragment) && record.Bytes.Length == datagram.Length - 5;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Random_bytes_never_break_the_reader() => Prop.ForAll<byte[], byte>((bytes, idLength) =>
    {
        DtlsRecordHeader.IsClientHello(bytes);
        FragmentHeader.TryRead(bytes, out _);
        DtlsRecordHeader.TryReadConnectionId(bytes, Math.Max((int)idLength, 1), out ReadOnlySpan<byte> id);
        return !DtlsRecordHeader.TryReadEpoch(bytes, idLength, out _) || bytes.Length >= 13 + id.Length;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_fragment_header_reads_back_and_never_leaves_its_message() => Prop.ForAll<ushort, ushort, ushort>((offset, length, rest) =>
    {
        var header = new FragmentHeader((HandshakeType)(byte)rest, offset + length + rest, 17, offset, length);
        byte[] bytes = new byte[FragmentHeader.Size + length];
        header.Write(bytes);
        bool read = FragmentHeader.TryRead(bytes, out FragmentHeader back);
        return read == (length > 0 || header.MessageLength == 0) && back == header && !FragmentHeader.TryRead(bytes.AsSpan(0, bytes.Length - 1), out _);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_connection_id_is_read_from_records_of_its_type_alone()
    {
        byte[] datagram = [25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4, 0, 2, 0xaa, 0xbb];
        Assert.True(DtlsRecordHeader.TryReadConnectionId(datagram, 4, out ReadOnlySpan<byte> id));
        Assert.Equal([1, 2, 3, 4], id.ToArray());
        Assert.True(DtlsRecordHeader.TryReadEpoch(datagram, 4, out int epoch));
        Assert.Equal(1, epoch);
        for (int length = 0; length < datagram.Length; length++)
            Assert.False(DtlsRecordHeader.TryReadConnectionId(datagram.AsSpan(0, length), 4, out _));
        Assert.False(DtlsRecordHeader.TryReadConnectionId(TestDatagram.Record(23, 1, 9, 1, 2, 3, 4), 4, out _));
        Assert.False(DtlsRecordHeader.TryReadEpoch(datagram, 0, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => DtlsRecordHeader.TryReadConnectionId(default, 0, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => DtlsRecordHeader.TryReadEpoch(default, 256, out _));
    }

    [Fact]
    public void A_hello_in_clear_is_known_from_protected_records_and_other_messages()
    {
        Assert.True(DtlsRecordHeader.IsClientHello(TestDatagram.Fragment(1, 0, new byte[100], 50, 50)));
        Assert.False(DtlsRecordHeader.IsClientHello(TestDatagram.Fragment(16, 0, new byte[100])));
        Assert.False(DtlsRecordHeader.IsClientHello(TestDatagram.Record(22, 1, 0, TestDatagram.FragmentBytes(1, 0, new byte[100]))));
        Assert.False(DtlsRecordHeader.IsClientHello(TestDatagram.Record(21, 0, 0, 2, 40)));
    }

    [Fact]
    public void Only_the_first_hello_may_name_DTLS_1_0()
    {
        byte[] hello = TestDatagram.Fragment(1, 0, new byte[100]);
        hello[2] = 0xff;
        Assert.True(DtlsRecordHeader.IsClientHello(hello));
        hello[4] = 1;
        Assert.False(DtlsRecordHeader.TryReadEpoch(hello, 0, out _));
        hello[4] = 0;
        hello[2] = 0xfc;
        Assert.False(DtlsRecordHeader.IsClientHello(hello));
    }
}
