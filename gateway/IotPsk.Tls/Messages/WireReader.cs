using System.Buffers.Binary;

namespace IotPsk.Tls.Messages;

/// <summary>Reads the presentation language of RFC 8446 s3; every read says whether the bytes were there.</summary>
internal ref struct WireReader(ReadOnlySpan<byte> source)
{
    private readonly ReadOnlySpan<byte> _source = source;

    public int Position { get; private set; }

    public readonly bool IsEmpty => Position == _source.Length;

    public readonly ReadOnlySpan<byte> Remaining => _source[Position..];

    public bool TryReadByte(out byte value)
    {
        if (IsEmpty)
        {
            value = 0;
            return false;
        }

        value = _source[Position++];
        return true;
    }

    public bool TryReadUInt16(out ushort value)
    {
        if (!BinaryPrimitives.TryReadUInt16BigEndian(_source[Position..], out value))
            return false;
        Position += sizeof(ushort);
        return true;
    }

    public bool TryReadUInt32(out uint value)
    {
        if (!BinaryPrimitives.TryReadUInt32BigEndian(_source[Position..], out value))
            return false;
        Position += sizeof(uint);
        return true;
    }

    public bool TryReadUInt64(out ulong value)
    {
        if (!BinaryPrimitives.TryReadUInt64BigEndian(_source[Position..], out value))
            return false;
        Position += sizeof(ulong);
        return true;
    }

    public bool TryReadBytes(int length, out ReadOnlySpan<byte> value)
    {
        if (_source.Length - Position < length)
        {
            value = default;
            return false;
        }

        value = _source.Slice(Position, length);
        Position += length;
        return true;
    }

    /// <summary>A vector with a one-byte length.</summary>
    public bool TryReadVector8(out ReadOnlySpan<byte> value)
    {
        value = default;
        return TryReadByte(out byte length) && TryReadBytes(length, out value);
    }

    /// <summary>A vector with a two-byte length.</summary>
    public bool TryReadVector16(out ReadOnlySpan<byte> value)
    {
        value = default;
        return TryReadUInt16(out ushort length) && TryReadBytes(length, out value);
    }
}
