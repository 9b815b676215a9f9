using IotPsk.Tls.Crypto;
using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Tls12.Messages;

/// <summary>ServerKeyExchange with a PSK (RFC 4279 s2) or ECDHE_PSK (RFC 5489 s2): the hint, and with ECDHE curve and point.</summary>
internal ref struct ServerKeyExchange
{
    /// <summary>The longest hint that is sent or taken, in bytes.</summary>
    public const int MaxHintLength = 1024;

    public const int MaxBodyLength = sizeof(ushort) + MaxHintLength + 1 + sizeof(ushort) + 1 + KeyAgreement.MaxPublicKeyLength;

    /// <summary>ECCurveType named_curve (RFC 8422 s5.4).</summary>
    private const byte NamedCurve = 3;

    public ReadOnlySpan<byte> IdentityHint;

    public NamedGroup Group;

    public ReadOnlySpan<byte> Point;

    public static TlsErrorReason Parse(ReadOnlySpan<byte> body, bool ecdhe, out ServerKeyExchange message)
    {
        message = default;
        var reader = new WireReader(body);
        if (!reader.TryReadVector16(out message.IdentityHint))
            return TlsErrorReason.MalformedServerKeyExchange;
        if (ecdhe)
        {
            // RFC 8422 s5.4: explicit curves are gone.
            if (!reader.TryReadByte(out byte curveType))
                return TlsErrorReason.MalformedServerKeyExchange;
            if (curveType != NamedCurve)
                return TlsErrorReason.SelectedUnofferedGroup;
            if (!reader.TryReadUInt16(out ushort group) || !reader.TryReadVector8(out message.Point) || message.Point.IsEmpty)
                return TlsErrorReason.MalformedServerKeyExchange;
            message.Group = (NamedGroup)group;
        }

        return reader.IsEmpty ? TlsErrorReason.None : TlsErrorReason.MalformedServerKeyExchange;
    }

    /// <param name="writer">Gets the message.</param>
    /// <param name="identityHint">May be empty.</param>
    /// <param name="key">The server's key in ECDHE_PSK, else null.</param>
    public static void Write(ref WireWriter writer, ReadOnlySpan<byte> identityHint, KeyAgreement? key)
    {
        WireWriter.Mark message = writer.BeginMessage(HandshakeType.ServerKeyExchange);
        writer.WriteVector16(identityHint);
        if (key is not null)
        {
            writer.WriteByte(NamedCurve);
            writer.WriteUInt16((ushort)key.Group);
            WireWriter.Mark point = writer.BeginVector(1);
            key.WritePublicKey(writer.Reserve(KeyAgreement.PublicKeyLength(key.Group)));
            writer.EndVector(point);
        }

        writer.EndVector(message);
    }
}
