using System.Net;
using System.Net.Sockets;

namespace IotPsk.TestSupport;

/// <summary>Loopback ports nobody has, of TCP or UDP, below the range from which the kernel takes ports for outgoing connections.</summary>
internal static class FreePorts
{
    private const int First = 21000;
    private const int Last = 31000;
    private static readonly Lock Gate = new();
    private static int s_next = First + (Environment.ProcessId * 16 % (Last - First - 16));

    public static int Take() => Take(1);

    /// <summary>The first of <paramref name="count"/> ports in a row.</summary>
    public static int Take(int count)
    {
        lock (Gate)
        {
            for (int tries = 0; tries < Last - First; tries++)
            {
                int start = s_next;
                s_next = start + count >= Last ? First : start + count;
                if (start + count <= Last && Enumerable.Range(start, count).All(IsFree))
                    return start;
            }
        }

        throw new InvalidOperationException($"No {count} free ports in a row between {First} and {Last}.");
    }

    private static bool IsFree(int port) => Binds(port, SocketType.Stream, ProtocolType.Tcp) && Binds(port, SocketType.Dgram, ProtocolType.Udp);

    private static bool Binds(int port, SocketType type, ProtocolType protocol)
    {
        using Socket socket = new(AddressFamily.InterNetwork, type, protocol);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
