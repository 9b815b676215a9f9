using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Dtls12.Messages;

/// <summary>HelloVerifyRequest (RFC 6347 s4.2.1): the cookie that a client must send back.</summary>
internal static class HelloVerifyRequest
{
    public const int MaxBodyLength = sizeof(ushort) + 1 + byte.MaxValue;

    /// <summary>RFC 6347 s4.2.1: a server names DTLS 1.0, whatever it is going to negotiate.</summary>
    private const ushort ServerVersion = 0xfeff;

    /// <param name="body">Of the message.</param>
    /// <param name="cookie">0..255 bytes.</param>
    public static bool TryParse(ReadOnlySpan<byte> body, out ReadOnlySpan<byte> cookie)
    {
        // RFC 6347 s4.2.1: the version here selects nothing.
        cookie = default;
        var reader = new WireReader(body);
        return reader.TryReadUInt16(out _) && reader.TryReadVector8(out cookie) && reader.IsEmpty;
    }

    public static void WriteBody(ref WireWriter writer, ReadOnlySpan<byte> cookie)
    {
        writer.WriteUInt16(ServerVersion);
        writer.WriteVector8(cookie);
    }
}
