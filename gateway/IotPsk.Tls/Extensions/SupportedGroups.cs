using System.Buffers.Binary;
using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Extensions;

/// <summary>supported_groups (RFC 8446 s4.2.7).</summary>
internal static class SupportedGroups
{
    public static TlsErrorReason Parse(ReadOnlySpan<byte> data, out ReadOnlySpan<byte> list)
    {
        var reader = new WireReader(data);
        return reader.TryReadVector16(out list) && reader.IsEmpty && list.Length >= 2 && (list.Length & 1) == 0
            ? TlsErrorReason.None
            : TlsErrorReason.MalformedSupportedGroups;
    }

    public static bool Contains(ReadOnlySpan<byte> list, ushort group)
    {
        for (; list.Length >= 2; list = list[2..])
        {
            if (BinaryPrimitives.ReadUInt16BigEndian(list) == group)
                return true;
        }

        return false;
    }

    public static void Write(ref WireWriter writer, IReadOnlyList<NamedGroup> groups)
    {
        WireWriter.Mark extension = writer.BeginExtension(ExtensionType.SupportedGroups);
        WireWriter.Mark list = writer.BeginVector(2);
        foreach (NamedGroup group in groups)
            writer.WriteUInt16((ushort)group);
        writer.EndVector(list);
        writer.EndVector(extension);
    }
}
