using IotPsk.Net.Buffers;
using IotPsk.Net.Native;

namespace IotPsk.Net.Sessions;

/// <summary>
/// One socket of a session: what epoll said of it last, and the bytes it has not taken yet. Registered edge-triggered,
/// so "readable" and "writable" hold until a call finds out otherwise.
/// </summary>
internal struct SocketChannel
{
    internal const int NoSocket = -1;
    private Backlog _waiting;

    public SocketChannel()
    {
    }

    internal int Fd { get; private set; } = NoSocket;

    /// <summary>There may be something to read.</summary>
    internal bool Readable { get; private set; }

    /// <summary>The peer's FIN or an error was announced: only reading to the end tells which.</summary>
    internal bool Hangup { get; private set; }

    /// <summary>EPOLLERR was announced.</summary>
    internal bool Failed { get; private set; }

    /// <summary>A send failed: nothing more goes out, and what is sent is dropped.</summary>
    internal bool Broken { get; private set; }

    /// <summary>epoll has reported the socket at least once; for one being connected: it is decided.</summary>
    internal bool Announced { get; private set; }

    private bool _full;

    /// <summary>Bytes wait for the socket.</summary>
    internal readonly bool IsBlocked => !_waiting.IsEmpty;

    internal readonly bool IsOpen => Fd != NoSocket;

    internal void Open(int fd) => Fd = fd;

    /// <summary>There may be something to read although no event said so: a socket just accepted.</summary>
    internal void AssumeReadable() => Readable = true;

    internal void Note(uint events)
    {
        Announced = true;
        if ((events & (Linux.EPOLLIN | Linux.EPOLLRDHUP | Linux.EPOLLHUP | Linux.EPOLLERR)) != 0) Readable = true;
        if ((events & (Linux.EPOLLRDHUP | Linux.EPOLLHUP | Linux.EPOLLERR)) != 0) Hangup = true;
        if ((events & Linux.EPOLLERR) != 0) Failed = true;
        if ((events & (Linux.EPOLLOUT | Linux.EPOLLHUP | Linux.EPOLLERR)) != 0) _full = false;
    }

    /// <summary>Bytes read, 0 at the peer's FIN, or a negated errno.</summary>
    internal int Receive(Span<byte> buffer)
    {
        var count = Tcp.Receive(Fd, buffer);
        // A short read empties the socket, and the next byte is an edge (epoll(7)); only a FIN may be behind it already.
        if (count < buffer.Length && !(count > 0 && Hangup)) Readable = false;
        return count;
    }

    /// <summary>Sends now what the socket takes and keeps the rest.</summary>
    internal void Send(BufferPool pool, ReadOnlySpan<byte> bytes)
    {
        if (Broken || bytes.IsEmpty) return;
        if (IsBlocked || _full || !IsOpen)
        {
            _waiting.Append(pool, bytes);
            return;
        }
        var sent = SendNow(bytes);
        if (sent >= 0 && sent < bytes.Length) _waiting.Append(pool, bytes[sent..]);
    }

    /// <summary>Sends what waits, as far as the socket takes it.</summary>
    internal void Flush(BufferPool pool)
    {
        if (!IsBlocked || _full || !IsOpen) return;
        var sent = SendNow(_waiting.Bytes);
        if (sent < 0) _waiting.Clear(pool);
        else _waiting.Consume(pool, sent);
    }

    /// <summary>Puts bytes in line without sending: the socket is not connected yet.</summary>
    internal void Queue(BufferPool pool, ReadOnlySpan<byte> bytes) => _waiting.Append(pool, bytes);

    internal void Drop(BufferPool pool) => _waiting.Clear(pool);

    internal void Close(BufferPool pool, bool abort = false)
    {
        _waiting.Clear(pool);
        if (!IsOpen) return;
        if (abort) Tcp.Abort(Fd);
        else Tcp.Close(Fd);
        Fd = NoSocket;
        Readable = false;
    }

    // Bytes taken; -1 when the socket takes nothing any more.
    private int SendNow(ReadOnlySpan<byte> bytes)
    {
        var sent = Tcp.Send(Fd, bytes);
        if (sent < bytes.Length) _full = true;
        if (sent >= 0) return sent;
        if (sent == -Errno.EAGAIN) return 0;
        // What the peer sent before it went may still be there to read.
        Broken = true;
        Readable = true;
        return -1;
    }
}
