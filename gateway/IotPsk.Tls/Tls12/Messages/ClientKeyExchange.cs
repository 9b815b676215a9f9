using IotPsk.Tls.Crypto;
using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Tls12.Messages;

/// <summary>ClientKeyExchange with a PSK (RFC 4279 s2) or ECDHE_PSK (RFC 5489 s2): the identity, and with ECDHE a point.</summary>
internal ref struct ClientKeyExchange
{
    /// <summary>The longest identity that a server looks at, in bytes; RFC 4279 s5.3 asks for 128.</summary>
    public const int MaxIdentityLength = 4096;

    public const int MaxBodyLength = sizeof(ushort) + MaxIdentityLength + 1 + KeyAgreement.MaxPublicKeyLength;

    public ReadOnlySpan<byte> Identity;

    public ReadOnlySpan<byte> Point;

    public static TlsErrorReason Parse(ReadOnlySpan<byte> body, bool ecdhe, out ClientKeyExchange message)
    {
        message = default;
        var reader = new WireReader(body);
        bool whole = reader.TryReadVector16(out message.Identity) && (!ecdhe || (reader.TryReadVector8(out message.Point) && !message.Point.IsEmpty)) && reader.IsEmpty;
        return whole ? TlsErrorReason.None : TlsErrorReason.MalformedClientKeyExchange;
    }

    /// <param name="writer">Gets the message.</param>
    /// <param name="identity">The PSK's.</param>
    /// <param name="key">The client's key in ECDHE_PSK, else null.</param>
    public static void Write(ref WireWriter writer, ReadOnlySpan<byte> identity, KeyAgreement? key)
    {
        WireWriter.Mark message = writer.BeginMessage(HandshakeType.ClientKeyExchange);
        writer.WriteVector16(identity);
        if (key is not null)
        {
            WireWriter.Mark point = writer.BeginVector(1);
            key.WritePublicKey(writer.Reserve(KeyAgreement.PublicKeyLength(key.Group)));
            writer.EndVector(point);
        }

        writer.EndVector(message);
    }
}
