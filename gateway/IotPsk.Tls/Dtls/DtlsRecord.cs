using System.Buffers.Binary;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Dtls;

/// <summary>One record of DTLS 1.2 as it lies in a datagram (RFC 6347 s4.1, RFC 9146 s4).</summary>
internal readonly ref struct DtlsRecord
{
    /// <summary>Type, version, epoch, sequence number and length, without a connection id.</summary>
    public const int HeaderLength = 1 + 2 + 2 + 6 + 2;

    /// <summary>Where the epoch lies, and the connection id after the sequence number.</summary>
    public const int EpochOffset = 3, ConnectionIdOffset = 11;

    /// <summary>RFC 6347 s4.1: 48 bits.</summary>
    public const ulong MaxSequence = (1UL << 48) - 1;

    /// <summary>DTLS 1.0 and 1.2; a first hello may carry the older one (RFC 6347 s4.2.1).</summary>
    private const ushort Version10 = 0xfeff;

    private DtlsRecord(ReadOnlySpan<byte> bytes, int headerLength)
    {
        Bytes = bytes;
        Fragment = bytes[headerLength..];
    }

    /// <summary>With its header.</summary>
    public ReadOnlySpan<byte> Bytes { get; }

    /// <summary>What follows the header.</summary>
    public ReadOnlySpan<byte> Fragment { get; }

    public ContentType Type => (ContentType)Bytes[0];

    public ushort Epoch => BinaryPrimitives.ReadUInt16BigEndian(Bytes[EpochOffset..]);

    /// <summary>Epoch and sequence number, as the associated data wants them.</summary>
    public ReadOnlySpan<byte> Number => Bytes.Slice(EpochOffset, 8);

    public ulong Sequence => BinaryPrimitives.ReadUInt64BigEndian(Number) & MaxSequence;

    public ReadOnlySpan<byte> ConnectionId => Bytes[ConnectionIdOffset..^(Fragment.Length + 2)];

    /// <summary>Takes the first record of what is left of a datagram.</summary>
    /// <param name="datagram">Not yet taken.</param>
    /// <param name="connectionIdLength">Of the ids that this end gives out; 0 if it gives none, and then none may come.</param>
    /// <param name="record">The record.</param>
    /// <returns>False if there is none: nothing of the rest can be read (RFC 6347 s4.1.2.7).</returns>
    public static bool TryRead(ReadOnlySpan<byte> datagram, int connectionIdLength, out DtlsRecord record)
    {
        record = default;
        if (datagram.Length < HeaderLength)
            return false;
        int headerLength = HeaderLength;
        switch ((ContentType)datagram[0])
        {
            case >= ContentType.ChangeCipherSpec and <= ContentType.ApplicationData:
                break;
            case ContentType.Tls12Cid when connectionIdLength > 0:
                headerLength += connectionIdLength;
                break;
            default:
                return false;
        }

        ushort version = BinaryPrimitives.ReadUInt16BigEndian(datagram[1..]);
        ushort epoch = BinaryPrimitives.ReadUInt16BigEndian(datagram[EpochOffset..]);

        // RFC 6347 s4.2.1: a hello and the request for its cookie may name DTLS 1.0; nothing that is protected does.
        if (version != (ushort)TlsProtocol.Dtls12 && (version != Version10 || epoch != 0))
            return false;
        if (datagram.Length < headerLength)
            return false;
        int length = BinaryPrimitives.ReadUInt16BigEndian(datagram[(headerLength - 2)..]);

        // RFC 6347 s4.1: a record does not go beyond its datagram; RFC 5246 s6.2.3: nor beyond 2^14 + 2048 bytes.
        if (length > datagram.Length - headerLength || length > RecordHeader.MaxPlaintext + 2048)
            return false;
        record = new DtlsRecord(datagram[..(headerLength + length)], headerLength);
        return true;
    }

    /// <summary>Writes a header; the fragment follows it.</summary>
    /// <param name="destination">Gets it.</param>
    /// <param name="type">Of the record.</param>
    /// <param name="number">Epoch and sequence number.</param>
    /// <param name="connectionId">The peer's; empty if it wants none.</param>
    /// <param name="length">Of the fragment.</param>
    /// <returns>The length of the header.</returns>
    public static int WriteHeader(Span<byte> destination, ContentType type, ulong number, ReadOnlySpan<byte> connectionId, int length)
    {
        destination[0] = (byte)type;
        BinaryPrimitives.WriteUInt16BigEndian(destination[1..], (ushort)TlsProtocol.Dtls12);
        BinaryPrimitives.WriteUInt64BigEndian(destination[EpochOffset..], number);
        connectionId.CopyTo(destination[ConnectionIdOffset..]);
        BinaryPrimitives.WriteUInt16BigEndian(destination[(ConnectionIdOffset + connectionId.Length)..], checked((ushort)length));
        return HeaderLength + connectionId.Length;
    }

    /// <summary>Writes a record in clear, of epoch 0.</summary>
    /// <returns>Its length.</returns>
    public static int WritePlain(ContentType type, ulong sequence, ReadOnlySpan<byte> content, Span<byte> destination)
    {
        int length = WriteHeader(destination, type, sequence, default, content.Length);
        content.CopyTo(destination[length..]);
        return length + content.Length;
    }

    /// <summary>Epoch and sequence number as one.</summary>
    public static ulong NumberOf(ushort epoch, ulong sequence) => ((ulong)epoch << 48) | sequence;
}
