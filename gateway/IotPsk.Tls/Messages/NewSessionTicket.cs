namespace IotPsk.Tls.Messages;

/// <summary>NewSessionTicket (RFC 8446 s4.6.1).</summary>
internal static class NewSessionTicket
{
    /// <summary>A client that does not resume still holds the server to the form.</summary>
    public static TlsErrorReason Check(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        return reader.TryReadUInt32(out _) && reader.TryReadUInt32(out _) && reader.TryReadVector8(out _) &&
            reader.TryReadVector16(out ReadOnlySpan<byte> ticket) && !ticket.IsEmpty && reader.TryReadVector16(out _) && reader.IsEmpty
            ? TlsErrorReason.None
            : TlsErrorReason.MalformedNewSessionTicket;
    }
}
