using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Tls12.Messages;

/// <summary>NewSessionTicket of TLS 1.2 (RFC 5077 s3.3).</summary>
internal ref struct Tls12NewSessionTicket
{
    /// <summary>The longest body a client takes.</summary>
    public const int MaxBodyLength = NewSessionTicket.MaxBodyLength;

    /// <summary>Header, lifetime and length of the ticket.</summary>
    public const int Overhead = HandshakeMessage.HeaderLength + sizeof(uint) + sizeof(ushort);

    /// <summary>In seconds; 0 says nothing.</summary>
    public uint LifetimeHint;

    /// <summary>Empty: there is none after all.</summary>
    public ReadOnlySpan<byte> Ticket;

    public static TlsErrorReason Parse(ReadOnlySpan<byte> body, out Tls12NewSessionTicket message)
    {
        message = default;
        var reader = new WireReader(body);
        return reader.TryReadUInt32(out message.LifetimeHint) && reader.TryReadVector16(out message.Ticket) && reader.IsEmpty
            ? TlsErrorReason.None
            : TlsErrorReason.MalformedNewSessionTicket;
    }

    public static void Write(ref WireWriter writer, int lifetimeHint, scoped ReadOnlySpan<byte> ticket)
    {
        WireWriter.Mark message = writer.BeginMessage(HandshakeType.NewSessionTicket);
        writer.WriteUInt32((uint)lifetimeHint);
        writer.WriteVector16(ticket);
        writer.EndVector(message);
    }
}
