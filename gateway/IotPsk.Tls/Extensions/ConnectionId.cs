using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Extensions;

/// <summary>connection_id (RFC 9146 s3): the id that its sender wants to see in the records it gets; an empty one asks for none.</summary>
internal static class ConnectionId
{
    public const int MaxLength = byte.MaxValue;

    public static TlsErrorReason Parse(ReadOnlySpan<byte> data, out ReadOnlySpan<byte> id)
    {
        var reader = new WireReader(data);
        return reader.TryReadVector8(out id) && reader.IsEmpty ? TlsErrorReason.None : TlsErrorReason.MalformedConnectionId;
    }

    public static void Write(ref WireWriter writer, ReadOnlySpan<byte> id)
    {
        WireWriter.Mark extension = writer.BeginExtension(ExtensionType.ConnectionId);
        writer.WriteVector8(id);
        writer.EndVector(extension);
    }
}
