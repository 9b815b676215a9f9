namespace IotPsk.Net.Buffers;

/// <summary>
/// Bytes waiting in order, in one pooled buffer that exists only while there are any. What it held is cleared when
/// the buffer goes back: it may be an application's plaintext.
/// </summary>
internal struct Backlog
{
    private byte[]? _buffer;
    private int _start;

    internal int Length { get; private set; }

    internal readonly bool IsEmpty => Length == 0;

    internal readonly ReadOnlySpan<byte> Bytes => _buffer.AsSpan(_start, Length);

    internal void Append(BufferPool pool, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return;
        if (_buffer is null) _buffer = pool.Rent(bytes.Length);
        else if (_start + Length + bytes.Length > _buffer.Length) Move(pool, Length + bytes.Length);
        bytes.CopyTo(_buffer.AsSpan(_start + Length));
        Length += bytes.Length;
    }

    /// <summary>Drops the first <paramref name="count"/> bytes.</summary>
    internal void Consume(BufferPool pool, int count)
    {
        if (count == Length)
        {
            Clear(pool);
            return;
        }
        _start += count;
        Length -= count;
    }

    /// <summary>Moves everything to <paramref name="target"/>; returns how many bytes that is.</summary>
    internal int DrainTo(BufferPool pool, Span<byte> target)
    {
        var count = Length;
        if (count == 0) return 0;
        Bytes.CopyTo(target);
        Clear(pool);
        return count;
    }

    internal void Clear(BufferPool pool)
    {
        if (_buffer is null) return;
        _buffer.AsSpan(0, _start + Length).Clear();
        pool.Return(_buffer);
        _buffer = null;
        _start = Length = 0;
    }

    private void Move(BufferPool pool, int needed)
    {
        var old = _buffer!;
        if (needed <= old.Length)
        {
            Bytes.CopyTo(old);
            _start = 0;
            return;
        }
        var larger = pool.Rent(needed);
        Bytes.CopyTo(larger);
        old.AsSpan(0, _start + Length).Clear();
        pool.Return(old);
        _buffer = larger;
        _start = 0;
    }
}
