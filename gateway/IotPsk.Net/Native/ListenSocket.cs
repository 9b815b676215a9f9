using System.Net;

namespace IotPsk.Net.Native;

/// <summary>The listening sockets of one address, one per loop, among which the kernel spreads connections (SO_REUSEPORT).</summary>
internal static class ListenSocket
{
    private const int Backlog = 4096;

    /// <summary>Opens <paramref name="count"/> sockets on one address; all or none.</summary>
    /// <exception cref="ListenException">The system refused.</exception>
    internal static int[] OpenGroup(string listener, IPEndPoint endPoint, int count, TimeSpan keepAlive, out IPEndPoint bound)
    {
        var sockets = new List<int>(count);
        try
        {
            // The first binds without SO_REUSEPORT: with it, a second instance of this program would share the port unnoticed.
            sockets.Add(Bind(listener, endPoint, reusePort: false));
            bound = Tcp.LocalEndPoint(sockets[0]);
            Require(Tcp.SetOption(sockets[0], Linux.SOL_SOCKET, Linux.SO_REUSEPORT, 1), listener, endPoint);
            while (sockets.Count < count) sockets.Add(Bind(listener, bound, reusePort: true));
            foreach (var socket in sockets)
            {
                SetInheritedOptions(socket, keepAlive, listener, endPoint);
                Require(Tcp.Listen(socket, Backlog), listener, endPoint);
            }
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
        var fd = Tcp.Open(endPoint);
        Require(fd, listener, endPoint);
        try
        {
            // SO_REUSEADDR: connections of an earlier run in TIME_WAIT do not keep the port; a listening socket still does.
            Require(Tcp.SetOption(fd, Linux.SOL_SOCKET, Linux.SO_REUSEADDR, 1), listener, endPoint);
            if (reusePort) Require(Tcp.SetOption(fd, Linux.SOL_SOCKET, Linux.SO_REUSEPORT, 1), listener, endPoint);
            if (SocketName.Family(endPoint) == Linux.AF_INET6)
                Require(Tcp.SetOption(fd, Linux.IPPROTO_IPV6, Linux.IPV6_V6ONLY, 1), listener, endPoint);
            Require(Tcp.Bind(fd, endPoint), listener, endPoint);
            return fd;
        }
        catch
        {
            Tcp.Close(fd);
            throw;
        }
    }

    // Accepted sockets inherit these, which saves their system calls per connection.
    private static void SetInheritedOptions(int fd, TimeSpan keepAlive, string listener, IPEndPoint endPoint)
    {
        Require(Tcp.SetOption(fd, Linux.IPPROTO_TCP, Linux.TCP_NODELAY, 1), listener, endPoint);
        if (keepAlive == TimeSpan.Zero) return;
        var seconds = (int)Math.Clamp(keepAlive.TotalSeconds, 1, 32767);
        Require(Tcp.SetOption(fd, Linux.SOL_SOCKET, Linux.SO_KEEPALIVE, 1), listener, endPoint);
        Require(Tcp.SetOption(fd, Linux.IPPROTO_TCP, Linux.TCP_KEEPIDLE, seconds), listener, endPoint);
        Require(Tcp.SetOption(fd, Linux.IPPROTO_TCP, Linux.TCP_KEEPINTVL, Math.Clamp(seconds / 5, 1, 60)), listener, endPoint);
        Require(Tcp.SetOption(fd, Linux.IPPROTO_TCP, Linux.TCP_KEEPCNT, 5), listener, endPoint);
    }

    private static void Require(int result, string listener, IPEndPoint endPoint)
    {
        if (result < 0) throw new ListenException(listener, endPoint, -result);
    }
}
