using System.Buffers.Binary;

namespace IotPsk.Tls.Records;

/// <summary>The five bytes before every record.</summary>
internal static class RecordHeader
{
    public const int Length = 5;

    /// <summary>The most content of a record (RFC 8446 s5.1).</summary>
    public const int MaxPlaintext = 1 << 14;

    /// <summary>The most ciphertext of a record (RFC 8446 s5.2).</summary>
    public const int MaxCiphertext = MaxPlaintext + 256;

    /// <summary>Looks at a whole header: the record's type and the length after the header.</summary>
    /// <param name="header">The header.</param>
    /// <param name="allProtected">True if records of every type are protected (TLS 1.2).</param>
    /// <param name="type">The type.</param>
    /// <param name="length">Of what follows.</param>
    public static TlsErrorReason Parse(ReadOnlySpan<byte> header, bool allProtected, out ContentType type, out int length)
    {
        type = (ContentType)header[0];
        length = BinaryPrimitives.ReadUInt16BigEndian(header[3..]);

        // RFC 8446 s5: an unexpected record type ends the connection.
        if (type is < ContentType.ChangeCipherSpec or > ContentType.ApplicationData)
            return TlsErrorReason.UnexpectedRecordType;

        // RFC 8446 s5.1: legacy_record_version is ignored; but no version of TLS has another first byte (sD.5).
        if (header[1] != 3)
            return TlsErrorReason.BadRecordVersion;

        // RFC 8446 s5.1, s5.2: longer records are a record_overflow.
        // RFC 5246 s6.2.3 would let ciphertext be longer still; with an AEAD that is content over the limit.
        int limit = allProtected || type == ContentType.ApplicationData ? MaxCiphertext : MaxPlaintext;
        return length > limit ? TlsErrorReason.RecordTooLarge : TlsErrorReason.None;
    }

    public static void Write(Span<byte> destination, ContentType type, int length)
    {
        destination[0] = (byte)type;
        BinaryPrimitives.WriteUInt16BigEndian(destination[1..], (ushort)TlsProtocol.Tls12);
        BinaryPrimitives.WriteUInt16BigEndian(destination[3..], (ushort)length);
    }
}
