using System.Buffers.Binary;

namespace IotPsk.Net.Datagrams;

/// <summary>One association in a snapshot: fixed fields, the owner's tag, the engine's keys and counters.</summary>
internal readonly ref struct SavedSession
{
    private const int FixedLength = (6 * sizeof(long)) + PeerAddress.KeyLength + sizeof(uint) + 1 + (2 * sizeof(ushort));

    internal required uint Key { get; init; }

    internal required ulong Hello { get; init; }

    /// <summary>The shard that its connection id names; without an id the one it lived on.</summary>
    internal required byte Shard { get; init; }

    internal required PeerAddress Address { get; init; }

    internal required long AcceptedTicks { get; init; }

    internal required long ConnectedTicks { get; init; }

    /// <summary>When the device was last heard; ticks of UTC.</summary>
    internal required long HeardTicks { get; init; }

    internal required long BytesUp { get; init; }

    internal required long BytesDown { get; init; }

    internal required ReadOnlySpan<byte> Tag { get; init; }

    internal ReadOnlySpan<byte> Engine { get; init; }

    internal static int Length(int tagLength, int engineLength) => FixedLength + tagLength + engineLength;

    /// <summary>Writes all but the engine's part and returns where that goes.</summary>
    internal Span<byte> Write(Span<byte> target, int engineLength, out int written)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(target, Hello);
        BinaryPrimitives.WriteInt64LittleEndian(target[8..], AcceptedTicks);
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], ConnectedTicks);
        BinaryPrimitives.WriteInt64LittleEndian(target[24..], HeardTicks);
        BinaryPrimitives.WriteInt64LittleEndian(target[32..], BytesUp);
        BinaryPrimitives.WriteInt64LittleEndian(target[40..], BytesDown);
        BinaryPrimitives.WriteUInt32LittleEndian(target[48..], Key);
        Address.WriteKey(target[52..]);
        var rest = target[(52 + PeerAddress.KeyLength)..];
        rest[0] = Shard;
        BinaryPrimitives.WriteUInt16LittleEndian(rest[1..], (ushort)Tag.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(rest[3..], (ushort)engineLength);
        Tag.CopyTo(rest[5..]);
        written = Length(Tag.Length, engineLength);
        return target[(written - engineLength)..written];
    }

    /// <summary>Reads one association and moves on behind it; false if the bytes end before it does.</summary>
    internal static bool TryRead(ref ReadOnlySpan<byte> source, out SavedSession session)
    {
        session = default;
        if (source.Length < FixedLength) return false;
        var rest = source[(52 + PeerAddress.KeyLength)..];
        int tagLength = BinaryPrimitives.ReadUInt16LittleEndian(rest[1..]), engineLength = BinaryPrimitives.ReadUInt16LittleEndian(rest[3..]);
        var length = Length(tagLength, engineLength);
        if (source.Length < length) return false;
        session = new SavedSession
        {
            Hello = BinaryPrimitives.ReadUInt64LittleEndian(source),
            AcceptedTicks = BinaryPrimitives.ReadInt64LittleEndian(source[8..]),
            ConnectedTicks = BinaryPrimitives.ReadInt64LittleEndian(source[16..]),
            HeardTicks = BinaryPrimitives.ReadInt64LittleEndian(source[24..]),
            BytesUp = BinaryPrimitives.ReadInt64LittleEndian(source[32..]),
            BytesDown = BinaryPrimitives.ReadInt64LittleEndian(source[40..]),
            Key = BinaryPrimitives.ReadUInt32LittleEndian(source[48..]),
            Address = PeerAddress.ReadKey(source[52..]),
            Shard = rest[0],
            Tag = rest.Slice(5, tagLength),
            Engine = rest.Slice(5 + tagLength, engineLength),
        };
        source = source[length..];
        return true;
    }
}
