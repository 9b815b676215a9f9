using System.Buffers.Binary;

namespace IotPsk.Tls.Messages;

/// <summary>Writes the presentation language of RFC 8446 s3 into a buffer its caller sized for the worst case.</summary>
internal ref struct WireWriter(Span<byte> destination)
{
    private readonly Span<byte> _destination = destination;

    public int Position { get; private set; }

    public readonly ReadOnlySpan<byte> Written => _destination[..Position];

    public void WriteByte(byte value) => _destination[Position++] = value;

    public void WriteUInt16(ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(_destination[Position..], value);
        Position += sizeof(ushort);
    }

    public void WriteUInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_destination[Position..], value);
        Position += sizeof(uint);
    }

    public void WriteUInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(_destination[Position..], value);
        Position += sizeof(ulong);
    }

    public void WriteBytes(scoped ReadOnlySpan<byte> value) => value.CopyTo(Reserve(value.Length));

    public void WriteVector8(scoped ReadOnlySpan<byte> value)
    {
        WriteByte(checked((byte)value.Length));
        WriteBytes(value);
    }

    public void WriteVector16(scoped ReadOnlySpan<byte> value)
    {
        WriteUInt16(checked((ushort)value.Length));
        WriteBytes(value);
    }

    /// <summary>Room that the caller fills.</summary>
    public Span<byte> Reserve(int length)
    {
        Span<byte> room = _destination.Slice(Position, length);
        Position += length;
        return room;
    }

    /// <summary>Leaves room for a length of 1, 2 or 3 bytes; <see cref="EndVector"/> fills it.</summary>
    public Mark BeginVector(int lengthSize)
    {
        var mark = new Mark(Position, lengthSize);
        Position += lengthSize;
        return mark;
    }

    public readonly void EndVector(Mark mark)
    {
        int length = Position - mark.Start - mark.Size;
        if (length >> (8 * mark.Size) != 0)
            throw new OverflowException("a vector is longer than its length field can say");
        for (int i = 0; i < mark.Size; i++)
            _destination[mark.Start + i] = (byte)(length >> (8 * (mark.Size - 1 - i)));
    }

    /// <summary>The header of a handshake message; end it as a vector.</summary>
    public Mark BeginMessage(HandshakeType type)
    {
        WriteByte((byte)type);
        return BeginVector(3);
    }

    public Mark BeginExtension(Extensions.ExtensionType type)
    {
        WriteUInt16((ushort)type);
        return BeginVector(2);
    }

    public readonly record struct Mark(int Start, int Size);
}
