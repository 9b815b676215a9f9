using System.Buffers;
using System.Security.Cryptography;

namespace IotPsk.Tls.Records;

/// <summary>Wire bytes that wait for room at the caller; it holds a pooled buffer only while there are any.</summary>
internal struct OutputQueue
{
    private byte[]? _buffer;
    private int _start;
    private int _end;

    public readonly int Count => _end - _start;

    /// <summary>Room for bytes that are added at once.</summary>
    public Span<byte> Append(int length)
    {
        if (_buffer is null)
            _buffer = ArrayPool<byte>.Shared.Rent(length);
        else if (_buffer.Length - _end < length)
            Grow(length);
        Span<byte> room = _buffer.AsSpan(_end, length);
        _end += length;
        return room;
    }

    /// <summary>Takes back the end of what was added.</summary>
    public void Withdraw(int length)
    {
        CryptographicOperations.ZeroMemory(_buffer.AsSpan(_end - length, length));
        _end -= length;
    }

    /// <summary>Moves what fits to the caller.</summary>
    public int Drain(Span<byte> destination)
    {
        int length = Math.Min(Count, destination.Length);
        if (length == 0)
            return 0;
        _buffer.AsSpan(_start, length).CopyTo(destination);
        _start += length;
        if (Count == 0)
            Release();
        return length;
    }

    public void Release()
    {
        if (_buffer is not null)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = null;
        _start = _end = 0;
    }

    private void Grow(int length)
    {
        int count = Count;
        byte[] larger = ArrayPool<byte>.Shared.Rent(count + length);
        _buffer.AsSpan(_start, count).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer!);
        _buffer = larger;
        _start = 0;
        _end = count;
    }
}
