using System.Net;
using System.Runtime.InteropServices;

namespace IotPsk.Net.Native;

/// <summary>The UDP sockets of one address, one per loop, among which the kernel spreads datagrams (SO_REUSEPORT).</summary>
internal static class DatagramSocketGroup
{
    // A burst of wake-ups after an outage waits here while a loop is busy; the kernel cuts it to net.core.rmem_max.
    private const int BufferBytes = 4 << 20;

    /// <summary>Opens <paramref name="count"/> sockets on one address; all or none.</summary>
    /// <exception cref="ListenException">The system refused.</exception>
    internal static int[] Open(string listener, IPEndPoint endPoint, int count, out IPEndPoint bound)
    {
        var sockets = new List<int>(count);
        try
        {
            // As with listening sockets: the first binds alone, so that a second instance does not take half of the datagrams.
            sockets.Add(Bind(listener, endPoint, reusePort: false));
            bound = Tcp.LocalEndPoint(sockets[0]);
            Require(Tcp.SetOption(sockets[0], Linux.SOL_SOCKET, Linux.SO_REUSEPORT, 1), listener, endPoint);
            while (sockets.Count < count) sockets.Add(Bind(listener, bound, reusePort: true));
            if (count > 1) Steer(sockets[0], count);
            return [.. sockets];
        }
        catch
        {
            sockets.ForEach(Tcp.Close);
            throw;
        }
    }

    private static int Bind(string listener, IPEndPoint endPoint, bool reusePort)
    {
        var fd = Udp.Open(endPoint);
        Require(fd, listener, endPoint);
        try
        {
            if (reusePort) Require(Tcp.SetOption(fd, Linux.SOL_SOCKET, Linux.SO_REUSEPORT, 1), listener, endPoint);
            if (SocketName.Family(endPoint) == Linux.AF_INET6)
                Require(Tcp.SetOption(fd, Linux.IPPROTO_IPV6, Linux.IPV6_V6ONLY, 1), listener, endPoint);
            Require(Tcp.SetOption(fd, Linux.SOL_SOCKET, Linux.SO_RCVBUF, BufferBytes), listener, endPoint);
            Require(Tcp.SetOption(fd, Linux.SOL_SOCKET, Linux.SO_SNDBUF, BufferBytes), listener, endPoint);
            Require(Tcp.Bind(fd, endPoint), listener, endPoint);
            return fd;
        }
        catch
        {
            Tcp.Close(fd);
            throw;
        }
    }

    /// <summary>
    /// Lets the kernel give a datagram with a connection id to the socket whose number that id bears; all others go by their
    /// addresses. Where the system does not allow it, the loops pass such datagrams on themselves.
    /// </summary>
    private static unsafe void Steer(int socket, int count)
    {
        // Classic BPF over the UDP payload (socket(7), SO_ATTACH_REUSEPORT_CBPF): operation, jump if true, if false, operand.
        var program = stackalloc Instruction[]
        {
            new(0x30, 0, 0, 0),                                             // A = content type
            new(0x15, 0, 3, Datagrams.ConnectionIds.ContentType),           // tls12_cid?
            new(0x30, 0, 0, Datagrams.ConnectionIds.ShardOffset),           // A = the id's second byte
            new(0x94, 0, 0, (uint)count),                                   // A %= count
            new(0x16, 0, 0, 0),                                             // that socket
            new(0x06, 0, 0, uint.MaxValue),                                 // none in particular: the kernel's hash decides
        };
        var filter = new Program { Length = 6, Instructions = program };
        _ = Libc.SetSocketOption(socket, Linux.SOL_SOCKET, Linux.SO_ATTACH_REUSEPORT_CBPF, &filter, (uint)sizeof(Program));
    }

    private static void Require(int result, string listener, IPEndPoint endPoint)
    {
        if (result < 0) throw new ListenException(listener, endPoint, -result);
    }

    /// <summary>struct sock_filter.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Instruction(ushort Code, byte IfTrue, byte IfFalse, uint Operand);

    /// <summary>struct sock_fprog.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct Program
    {
        internal ushort Length;
        internal Instruction* Instructions;
    }
}
