using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Extensions;

/// <summary>application_layer_protocol_negotiation (RFC 7301 s3.1).</summary>
internal static class ApplicationProtocols
{
    public static TlsErrorReason Parse(ReadOnlySpan<byte> data, out ReadOnlySpan<byte> names)
    {
        var reader = new WireReader(data);
        if (!reader.TryReadVector16(out names) || !reader.IsEmpty || names.IsEmpty)
            return TlsErrorReason.MalformedApplicationProtocols;
        var entries = new WireReader(names);
        while (!entries.IsEmpty)
        {
            if (!entries.TryReadVector8(out ReadOnlySpan<byte> name) || name.IsEmpty)
                return TlsErrorReason.MalformedApplicationProtocols;
        }

        return TlsErrorReason.None;
    }

    public static bool Contains(ReadOnlySpan<byte> names, ReadOnlySpan<byte> wanted)
    {
        var entries = new WireReader(names);
        while (entries.TryReadVector8(out ReadOnlySpan<byte> name))
        {
            if (name.SequenceEqual(wanted))
                return true;
        }

        return false;
    }

    /// <summary>The one name of a server's answer.</summary>
    public static TlsErrorReason ParseSelection(ReadOnlySpan<byte> data, out ReadOnlySpan<byte> name)
    {
        name = default;
        TlsErrorReason error = Parse(data, out ReadOnlySpan<byte> names);
        if (error != TlsErrorReason.None)
            return error;
        var entries = new WireReader(names);
        entries.TryReadVector8(out name);

        // RFC 7301 s3.1: the server's list contains exactly one name.
        return entries.IsEmpty ? TlsErrorReason.None : TlsErrorReason.MalformedApplicationProtocols;
    }

    public static void Write(ref WireWriter writer, params ReadOnlySpan<ReadOnlyMemory<byte>> names)
    {
        WireWriter.Mark extension = writer.BeginExtension(ExtensionType.ApplicationLayerProtocolNegotiation);
        WireWriter.Mark list = writer.BeginVector(2);
        foreach (ReadOnlyMemory<byte> name in names)
            writer.WriteVector8(name.Span);
        writer.EndVector(list);
        writer.EndVector(extension);
    }
}
