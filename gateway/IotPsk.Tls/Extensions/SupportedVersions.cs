using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Extensions;

/// <summary>supported_versions (RFC 8446 s4.2.1).</summary>
internal static class SupportedVersions
{
    /// <summary>The client's list.</summary>
    public static TlsErrorReason Parse(ReadOnlySpan<byte> data, out bool offersTls13, out bool offersTls12)
    {
        offersTls13 = offersTls12 = false;
        var reader = new WireReader(data);
        if (!reader.TryReadVector8(out ReadOnlySpan<byte> list) || !reader.IsEmpty || list.Length < 2 || (list.Length & 1) != 0)
            return TlsErrorReason.MalformedSupportedVersions;
        for (int i = 0; i < list.Length; i += 2)
        {
            offersTls13 |= list[i] == 3 && list[i + 1] == 4;
            offersTls12 |= list[i] == 3 && list[i + 1] == 3;
        }

        return TlsErrorReason.None;
    }

    /// <summary>The list of a client over datagrams: whether DTLS 1.2 is in it.</summary>
    public static TlsErrorReason ParseDatagram(ReadOnlySpan<byte> data, out bool offersDtls12)
    {
        offersDtls12 = false;
        var reader = new WireReader(data);
        if (!reader.TryReadVector8(out ReadOnlySpan<byte> list) || !reader.IsEmpty || list.Length < 2 || (list.Length & 1) != 0)
            return TlsErrorReason.MalformedSupportedVersions;
        for (int i = 0; i < list.Length; i += 2)
            offersDtls12 |= ((list[i] << 8) | list[i + 1]) == (int)TlsProtocol.Dtls12;
        return TlsErrorReason.None;
    }

    public static void WriteOffer(ref WireWriter writer, bool tls12)
    {
        WireWriter.Mark extension = writer.BeginExtension(ExtensionType.SupportedVersions);
        writer.WriteByte(tls12 ? (byte)4 : (byte)2);
        writer.WriteUInt16((ushort)TlsProtocol.Tls13);
        if (tls12)
            writer.WriteUInt16((ushort)TlsProtocol.Tls12);
        writer.EndVector(extension);
    }

    public static void WriteSelection(ref WireWriter writer)
    {
        WireWriter.Mark extension = writer.BeginExtension(ExtensionType.SupportedVersions);
        writer.WriteUInt16((ushort)TlsProtocol.Tls13);
        writer.EndVector(extension);
    }
}
