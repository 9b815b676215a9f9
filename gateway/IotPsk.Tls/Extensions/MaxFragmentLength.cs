using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Extensions;

/// <summary>max_fragment_length (RFC 6066 s4): one limit for the content of records in both directions, of four that there are.</summary>
internal static class MaxFragmentLength
{
    private const int SmallestExponent = 9;

    /// <param name="data">The contents of the extension.</param>
    /// <param name="length">512, 1024, 2048 or 4096 bytes.</param>
    public static TlsErrorReason Parse(ReadOnlySpan<byte> data, out int length)
    {
        length = 0;
        if (data.Length != 1)
            return TlsErrorReason.MalformedMaxFragmentLength;

        // RFC 6066 s4: another value is an illegal_parameter.
        if (data[0] is < 1 or > 4)
            return TlsErrorReason.BadMaxFragmentLength;
        length = 1 << (SmallestExponent - 1 + data[0]);
        return TlsErrorReason.None;
    }

    public static void Write(ref WireWriter writer, int length)
    {
        WireWriter.Mark extension = writer.BeginExtension(ExtensionType.MaxFragmentLength);
        writer.WriteByte((byte)(int.Log2(length) - SmallestExponent + 1));
        writer.EndVector(extension);
    }
}
