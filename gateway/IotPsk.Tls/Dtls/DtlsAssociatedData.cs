using System.Buffers.Binary;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Dtls;

/// <summary>What a record of DTLS 1.2 authenticates beside its content (RFC 6347 s4.1.2.1, RFC 9146 s5.3).</summary>
internal static class DtlsAssociatedData
{
    public const int MaxLength = 8 + 1 + 1 + 1 + 2 + 8 + Extensions.ConnectionId.MaxLength + 2;

    /// <param name="header">Of the record.</param>
    /// <param name="connectionId">In the header; empty if it has none.</param>
    /// <param name="contentLength">Of the plaintext: with an id that of DTLSInnerPlaintext, type and padding included.</param>
    /// <param name="destination">Gets the data.</param>
    /// <returns>Its length.</returns>
    public static int Write(ReadOnlySpan<byte> header, ReadOnlySpan<byte> connectionId, int contentLength, Span<byte> destination)
    {
        ReadOnlySpan<byte> number = header.Slice(DtlsRecord.EpochOffset, 8);
        if (connectionId.IsEmpty)
        {
            number.CopyTo(destination);
            header[..DtlsRecord.EpochOffset].CopyTo(destination[8..]);
            BinaryPrimitives.WriteUInt16BigEndian(destination[11..], (ushort)contentLength);
            return 13;
        }

        // RFC 9146 s5.3: seq_num_placeholder + tls12_cid + cid_length + tls12_cid + version + epoch + sequence_number + cid + length.
        destination[..8].Fill(0xff);
        destination[8] = (byte)ContentType.Tls12Cid;
        destination[9] = (byte)connectionId.Length;
        header[..DtlsRecord.EpochOffset].CopyTo(destination[10..]);
        number.CopyTo(destination[13..]);
        connectionId.CopyTo(destination[21..]);
        BinaryPrimitives.WriteUInt16BigEndian(destination[(21 + connectionId.Length)..], (ushort)contentLength);
        return 23 + connectionId.Length;
    }
}
