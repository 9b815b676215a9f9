using System.Runtime.InteropServices;

namespace IotPsk.Net.Native;

/// <summary>struct mmsghdr: one datagram of a recvmmsg or sendmmsg. Sequential layout pads as the C compiler does.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Message
{
    internal MessageHeader Header;

    /// <summary>Bytes received or sent, set by the kernel.</summary>
    internal uint Length;
}

/// <summary>struct msghdr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MessageHeader
{
    internal byte* Name;
    internal uint NameLength;
    internal IoVector* Vectors;
    internal nuint VectorCount;
    internal void* Control;
    internal nuint ControlLength;
    internal int Flags;
}

/// <summary>struct iovec.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IoVector
{
    internal byte* Base;
    internal nuint Length;
}
