using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Extensions;

/// <summary>record_size_limit (RFC 8449 s4): the longest TLSInnerPlaintext, content type and padding included, that a side takes.</summary>
internal static class RecordSizeLimit
{
    public const int Min = 64;

    /// <summary>2^14 bytes of content and its type.</summary>
    public const int Max = 16385;

    public static TlsErrorReason Parse(ReadOnlySpan<byte> data, out ushort limit)
    {
        var reader = new WireReader(data);
        if (!reader.TryReadUInt16(out limit) || !reader.IsEmpty)
            return TlsErrorReason.MalformedRecordSizeLimit;

        // RFC 8449 s4: a value smaller than 64 is an illegal_parameter.
        return limit < Min ? TlsErrorReason.RecordSizeLimitTooSmall : TlsErrorReason.None;
    }

    public static void Write(ref WireWriter writer, int limit)
    {
        WireWriter.Mark extension = writer.BeginExtension(ExtensionType.RecordSizeLimit);
        writer.WriteUInt16((ushort)limit);
        writer.EndVector(extension);
    }
}
