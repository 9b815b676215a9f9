using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Extensions;

/// <summary>renegotiation_info (RFC 5746 s3.2). Nobody renegotiates here, so it is always that of a first handshake: an empty value.</summary>
internal static class RenegotiationInfo
{
    /// <summary>TLS_EMPTY_RENEGOTIATION_INFO_SCSV says the same from among the cipher suites (RFC 5746 s3.3).</summary>
    public const ushort SignalingSuite = 0x00ff;

    public static TlsErrorReason Check(ReadOnlySpan<byte> data)
    {
        var reader = new WireReader(data);
        if (!reader.TryReadVector8(out ReadOnlySpan<byte> renegotiatedConnection) || !reader.IsEmpty)
            return TlsErrorReason.MalformedRenegotiationInfo;

        // RFC 5746 s3.4, s3.6: another length is a handshake_failure.
        return renegotiatedConnection.IsEmpty ? TlsErrorReason.None : TlsErrorReason.BadRenegotiationInfo;
    }

    public static void Write(ref WireWriter writer)
    {
        WireWriter.Mark extension = writer.BeginExtension(ExtensionType.RenegotiationInfo);
        writer.WriteVector8(default);
        writer.EndVector(extension);
    }
}
