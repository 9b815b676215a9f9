using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Extensions;

/// <summary>ec_point_formats (RFC 8422 s5.1.2): only the uncompressed form is left.</summary>
internal static class EcPointFormats
{
    private const byte Uncompressed = 0;

    public static TlsErrorReason Check(ReadOnlySpan<byte> data)
    {
        var reader = new WireReader(data);
        if (!reader.TryReadVector8(out ReadOnlySpan<byte> list) || !reader.IsEmpty || list.IsEmpty)
            return TlsErrorReason.MalformedPointFormats;

        // RFC 8422 s5.1.2: the list contains the uncompressed form.
        return list.Contains(Uncompressed) ? TlsErrorReason.None : TlsErrorReason.UncompressedPointsMissing;
    }

    public static void Write(ref WireWriter writer)
    {
        WireWriter.Mark extension = writer.BeginExtension(ExtensionType.EcPointFormats);
        writer.WriteVector8([Uncompressed]);
        writer.EndVector(extension);
    }
}
