using IotPsk.Tls.Extensions;

namespace IotPsk.Tls.Messages;

/// <summary>NewSessionTicket (RFC 8446 s4.6.1).</summary>
internal ref struct NewSessionTicket
{
    /// <summary>The longest body a client takes.</summary>
    public const int MaxBodyLength = 16384;

    public uint LifetimeSeconds;

    public uint AgeAdd;

    public ReadOnlySpan<byte> Nonce;

    public ReadOnlySpan<byte> Ticket;

    public static TlsErrorReason Parse(ReadOnlySpan<byte> body, out NewSessionTicket message)
    {
        message = default;
        var reader = new WireReader(body);
        if (!reader.TryReadUInt32(out message.LifetimeSeconds) || !reader.TryReadUInt32(out message.AgeAdd) || !reader.TryReadVector8(out message.Nonce) ||
            !reader.TryReadVector16(out message.Ticket) || message.Ticket.IsEmpty || !reader.TryReadVector16(out ReadOnlySpan<byte> block) || !reader.IsEmpty)
            return TlsErrorReason.MalformedNewSessionTicket;
        Span<ulong> seen = stackalloc ulong[ExtensionReader.SeenLength];
        seen.Clear();
        var extensions = new ExtensionReader(block, seen);
        while (!extensions.IsEmpty)
        {
            TlsErrorReason error = extensions.Read(out ExtensionType type, out ReadOnlySpan<byte> data);
            if (error != TlsErrorReason.None)
                return error;

            // RFC 8446 s4.2: a known extension in the wrong message is an illegal_parameter; s4.6.1: unknown ones are ignored.
            if (type == ExtensionType.EarlyData && data.Length != sizeof(uint))
                return TlsErrorReason.MalformedEarlyData;
            if (type != ExtensionType.EarlyData && Enum.IsDefined(type))
                return TlsErrorReason.MisplacedExtension;
        }

        return TlsErrorReason.None;
    }

    public static void Write(ref WireWriter writer, int lifetimeSeconds, uint ageAdd, byte nonce, ReadOnlySpan<byte> ticket)
    {
        WireWriter.Mark message = writer.BeginMessage(HandshakeType.NewSessionTicket);
        writer.WriteUInt32((uint)lifetimeSeconds);
        writer.WriteUInt32(ageAdd);
        writer.WriteByte(1);
        writer.WriteByte(nonce);
        writer.WriteVector16(ticket);
        writer.WriteVector16(default);
        writer.EndVector(message);
    }
}
