using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Extensions;

/// <summary>cookie (RFC 8446 s4.2.2): a client sends back what it got.</summary>
internal static class Cookie
{
    public static TlsErrorReason Check(ReadOnlySpan<byte> data)
    {
        var reader = new WireReader(data);
        return reader.TryReadVector16(out ReadOnlySpan<byte> value) && reader.IsEmpty && !value.IsEmpty ? TlsErrorReason.None : TlsErrorReason.MalformedCookie;
    }
}
