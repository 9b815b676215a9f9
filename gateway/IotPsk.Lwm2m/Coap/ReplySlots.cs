using System.Buffers.Binary;

namespace IotPsk.Lwm2m.Coap;

/// <summary>Places of one size in one array, for replies of usual length. The array grows with the most that are taken at a time.</summary>
internal sealed class ReplySlots(int capacity)
{
    internal const int Size = 128;

    private const int None = -1, First = 64;

    // A free place holds the number of the next one.
    private byte[] _bytes = [];
    private int _free = None;

    internal int Bytes => _bytes.Length;

    internal Span<byte> this[int slot] => _bytes.AsSpan(slot * Size, Size);

    /// <summary>Takes a place; whoever asks keeps to the capacity.</summary>
    internal int Take()
    {
        if (_free == None)
            Grow();
        int slot = _free;
        _free = BinaryPrimitives.ReadInt32LittleEndian(this[slot]);
        return slot;
    }

    internal void GiveBack(int slot)
    {
        BinaryPrimitives.WriteInt32LittleEndian(this[slot], _free);
        _free = slot;
    }

    /// <summary>None is taken any more.</summary>
    internal void Clear() => (_bytes, _free) = ([], None);

    private void Grow()
    {
        int before = _bytes.Length / Size, after = Math.Min(capacity, Math.Max(First, before * 2));
        Array.Resize(ref _bytes, after * Size);
        for (int i = after - 1; i >= before; i--)
            GiveBack(i);
    }
}
