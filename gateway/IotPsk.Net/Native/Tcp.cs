using System.Net;
using System.Runtime.InteropServices;

namespace IotPsk.Net.Native;

/// <summary>
/// Non-blocking TCP sockets as bare descriptors. Results below zero are negated errno values; EINTR is retried here
/// and never seen above.
/// </summary>
internal static unsafe class Tcp
{
    private const int StreamFlags = Linux.SOCK_STREAM | Linux.SOCK_NONBLOCK | Linux.SOCK_CLOEXEC;

    internal static int LastError => -Marshal.GetLastPInvokeError();

    internal static int Receive(int fd, Span<byte> buffer)
    {
        fixed (byte* pointer = buffer)
        {
            while (true)
            {
                var count = Libc.Receive(fd, pointer, (nuint)buffer.Length, 0);
                if (count >= 0) return (int)count;
                var error = LastError;
                if (error != -Errno.EINTR) return error;
            }
        }
    }

    internal static int Send(int fd, ReadOnlySpan<byte> buffer)
    {
        fixed (byte* pointer = buffer)
        {
            while (true)
            {
                var count = Libc.Send(fd, pointer, (nuint)buffer.Length, Linux.MSG_NOSIGNAL);
                if (count >= 0) return (int)count;
                var error = LastError;
                if (error != -Errno.EINTR) return error;
            }
        }
    }

    /// <summary>A connection from the accept queue, already non-blocking, or a negated errno.</summary>
    internal static int Accept(int listener, out IPEndPoint? remote)
    {
        var name = stackalloc byte[SocketName.MaxLength];
        while (true)
        {
            uint length = SocketName.MaxLength;
            var fd = Libc.Accept(listener, name, &length, Linux.SOCK_NONBLOCK | Linux.SOCK_CLOEXEC);
            if (fd >= 0)
            {
                remote = SocketName.Decode(new ReadOnlySpan<byte>(name, SocketName.MaxLength));
                return fd;
            }
            var error = LastError;
            if (error == -Errno.EINTR) continue;
            remote = null;
            return error;
        }
    }

    internal static int Open(EndPoint endPoint)
    {
        var fd = endPoint is IPEndPoint ip
            ? Libc.Socket(SocketName.Family(ip), StreamFlags, Linux.IPPROTO_TCP)
            : Libc.Socket(Linux.AF_UNIX, StreamFlags, 0);
        return fd >= 0 ? fd : LastError;
    }

    /// <summary>
    /// Starts a connection: 0 when it stands already, -EINPROGRESS when EPOLLOUT will tell, -EAGAIN when the accept queue of a Unix socket is
    /// full (unix(7)): nothing will tell, the caller comes again.
    /// </summary>
    internal static int Connect(int fd, EndPoint endPoint)
    {
        var name = stackalloc byte[SocketName.MaxUnixLength];
        var length = SocketName.Encode(endPoint, new Span<byte>(name, SocketName.MaxUnixLength));
        if (Libc.Connect(fd, name, (uint)length) == 0) return 0;
        var error = LastError;
        // An interrupted connect goes on in the background (POSIX connect(2)), just as one in progress.
        return error == -Errno.EINTR ? -Errno.EINPROGRESS : error;
    }

    internal static int Bind(int fd, IPEndPoint endPoint)
    {
        var name = stackalloc byte[SocketName.MaxLength];
        var length = SocketName.Encode(endPoint, new Span<byte>(name, SocketName.MaxLength));
        return Libc.Bind(fd, name, (uint)length) == 0 ? 0 : LastError;
    }

    internal static int Listen(int fd, int backlog) => Libc.Listen(fd, backlog) == 0 ? 0 : LastError;

    internal static IPEndPoint LocalEndPoint(int fd)
    {
        var name = stackalloc byte[SocketName.MaxLength];
        uint length = SocketName.MaxLength;
        if (Libc.GetSocketName(fd, name, &length) != 0)
            throw new InvalidOperationException($"getsockname failed: {Errno.Describe(-LastError)}.");
        return SocketName.Decode(new ReadOnlySpan<byte>(name, SocketName.MaxLength));
    }

    /// <summary>The pending error of a socket (SO_ERROR) as negated errno, 0 when there is none; reading clears it.</summary>
    internal static int PendingError(int fd)
    {
        var value = 0;
        uint length = sizeof(int);
        return Libc.GetSocketOption(fd, Linux.SOL_SOCKET, Linux.SO_ERROR, &value, &length) == 0 ? -value : LastError;
    }

    internal static int SetOption(int fd, int level, int name, int value) =>
        Libc.SetSocketOption(fd, level, name, &value, sizeof(int)) == 0 ? 0 : LastError;

    internal static void ShutdownWrite(int fd) => _ = Libc.Shutdown(fd, Linux.SHUT_WR);

    internal static void Close(int fd) => _ = Libc.Close(fd);

    /// <summary>Closes with RST instead of FIN, so that the peer cannot take what it got for the whole.</summary>
    internal static void Abort(int fd)
    {
        var linger = stackalloc int[2];
        linger[0] = 1;
        linger[1] = 0;
        _ = Libc.SetSocketOption(fd, Linux.SOL_SOCKET, Linux.SO_LINGER, linger, 2 * sizeof(int));
        _ = Libc.Close(fd);
    }
}
