using System.Buffers.Binary;
using System.ComponentModel;
using System.Runtime.InteropServices;

namespace IotPsk.Bench;

/// <summary>
/// One UDP socket that is as many clients as one likes: each has an address of 127/8 of its own, told to the kernel and by it
/// with every datagram (IP_PKTINFO). A hundred thousand sockets would need as many descriptors.
/// </summary>
internal sealed unsafe partial class LoopbackUdp : IDisposable
{
    private const int Inet = 2, Datagram = 2, NonBlocking = 0x800, PacketInfo = 8, SocketLevel = 1, ReceiveBufferForce = 33, ReceiveBuffer = 8, PollIn = 1, TryAgain = 11;
    private const uint FirstClient = 127u << 24 | 1 << 20;

    private readonly int _socket;
    private readonly uint _server = 127u << 24 | 1;
    private readonly int _port;

    internal LoopbackUdp(int serverPort)
    {
        _port = serverPort;
        _socket = Check(socket(Inet, Datagram | NonBlocking, 0));
        int on = 1, room = 8 << 20;
        Check(setsockopt(_socket, 0, PacketInfo, &on, sizeof(int)));
        if (setsockopt(_socket, SocketLevel, ReceiveBufferForce, &room, sizeof(int)) != 0)
            Check(setsockopt(_socket, SocketLevel, ReceiveBuffer, &room, sizeof(int)));
        Address any = new(0, 0);
        Check(bind(_socket, &any, (uint)sizeof(Address)));
    }

    /// <summary>Sends a datagram of a client; false if the kernel has no room for it now.</summary>
    internal bool TrySend(int client, ReadOnlySpan<byte> datagram)
    {
        Address to = new(_server, _port);
        Control control = new(0, FirstClient + (uint)client);
        fixed (byte* bytes = datagram)
        {
            Vector vector = new() { Base = bytes, Length = (nuint)datagram.Length };
            Message message = new() { Name = &to, NameLength = (uint)sizeof(Address), Vectors = &vector, VectorCount = 1, Control = &control, ControlLength = (nuint)sizeof(Control) };
            return sendmsg(_socket, &message, 0) >= 0 || (Marshal.GetLastPInvokeError() == TryAgain ? false : throw new Win32Exception());
        }
    }

    /// <summary>Takes a datagram; 0 if there is none now.</summary>
    internal int Receive(Span<byte> buffer, out int client)
    {
        Address from;
        Control control;
        fixed (byte* bytes = buffer)
        {
            Vector vector = new() { Base = bytes, Length = (nuint)buffer.Length };
            Message message = new() { Name = &from, NameLength = (uint)sizeof(Address), Vectors = &vector, VectorCount = 1, Control = &control, ControlLength = (nuint)sizeof(Control) };
            int length = (int)recvmsg(_socket, &message, 0);
            client = (int)(BinaryPrimitives.ReverseEndianness(control.Destination) - FirstClient);
            return length >= 0 ? length : Marshal.GetLastPInvokeError() == TryAgain ? 0 : throw new Win32Exception();
        }
    }

    /// <summary>Waits for a datagram, at most so many milliseconds.</summary>
    internal bool Wait(int milliseconds)
    {
        Poll poll = new() { Descriptor = _socket, Events = PollIn };
        return Bench.LoopbackUdp.poll(&poll, 1, milliseconds) > 0;
    }

    public void Dispose() => _ = close(_socket);

    private static int Check(int result) => result >= 0 ? result : throw new Win32Exception();

    /// <summary>struct sockaddr_in.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 16)]
    private readonly struct Address(uint address, int port)
    {
        private readonly ushort _family = Inet;
        private readonly ushort _port = BinaryPrimitives.ReverseEndianness((ushort)port);
        private readonly uint _address = BinaryPrimitives.ReverseEndianness(address);
    }

    /// <summary>struct cmsghdr with a struct in_pktinfo.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 32)]
    private readonly struct Control(uint destination, uint source)
    {
        private readonly nuint _length = 28;
        private readonly int _level = 0;
        private readonly int _type = PacketInfo;
        private readonly int _interface = 0;
        private readonly uint _source = BinaryPrimitives.ReverseEndianness(source);
        internal readonly uint Destination = destination;
    }

    private struct Vector
    {
        internal byte* Base;
        internal nuint Length;
    }

    /// <summary>struct msghdr.</summary>
    private struct Message
    {
        internal Address* Name;
        internal uint NameLength;
        internal Vector* Vectors;
        internal nuint VectorCount;
        internal Control* Control;
        internal nuint ControlLength;
        internal int Flags;
    }

    private struct Poll
    {
        internal int Descriptor;
        internal short Events;
        internal short Returned;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socket(int domain, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setsockopt(int socket, int level, int name, void* value, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int bind(int socket, Address* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint sendmsg(int socket, Message* message, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint recvmsg(int socket, Message* message, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int poll(Poll* polls, nuint count, int timeout);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);
}
