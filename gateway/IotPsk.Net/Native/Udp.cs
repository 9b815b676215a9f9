using System.Net;

namespace IotPsk.Net.Native;

/// <summary>Non-blocking UDP sockets as bare descriptors. Results below zero are negated errno values; EINTR is retried here.</summary>
internal static unsafe class Udp
{
    private const int DatagramFlags = Linux.SOCK_DGRAM | Linux.SOCK_NONBLOCK | Linux.SOCK_CLOEXEC;

    internal static int Open(IPEndPoint endPoint)
    {
        var fd = Libc.Socket(SocketName.Family(endPoint), DatagramFlags, Linux.IPPROTO_UDP);
        return fd >= 0 ? fd : Tcp.LastError;
    }

    /// <summary>Takes up to <paramref name="count"/> datagrams; their number or a negated errno.</summary>
    internal static int Receive(int fd, Message* messages, int count)
    {
        while (true)
        {
            var received = Libc.ReceiveMessages(fd, messages, (uint)count, 0, null);
            if (received >= 0) return received;
            var error = Tcp.LastError;
            if (error != -Errno.EINTR) return error;
        }
    }

    /// <summary>Sends the first of <paramref name="count"/> datagrams; how many, or the negated errno of the very first.</summary>
    internal static int Send(int fd, Message* messages, int count)
    {
        while (true)
        {
            var sent = Libc.SendMessages(fd, messages, (uint)count, Linux.MSG_NOSIGNAL);
            if (sent >= 0) return sent;
            var error = Tcp.LastError;
            if (error != -Errno.EINTR) return error;
        }
    }
}
