using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using IotPsk.Net.Native;

namespace IotPsk.Net.Datagrams;

/// <summary>Address and port of a peer in 24 bytes, compared without a call and put into a sockaddr without an object.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct PeerAddress
{
    /// <summary>Bytes of <see cref="WriteKey"/>.</summary>
    internal const int KeyLength = 24;

    private readonly ulong _high;
    private readonly ulong _low;
    private readonly uint _scope;
    private readonly ushort _port;
    private readonly ushort _family;

    private PeerAddress(ulong high, ulong low, uint scope, ushort port, ushort family)
    {
        (_high, _low, _scope, _port, _family) = (high, low, scope, port, family);
    }

    internal bool IsIPv4 => _family == Linux.AF_INET;

    /// <summary>Loopback: 127/8 or ::1.</summary>
    internal bool IsLoopback => IsIPv4
        ? (byte)_low == 127
        : _high == 0 && BinaryPrimitives.ReverseEndianness(_low) == 1;

    /// <summary>The number of the /24 or /48, as <see cref="Limits.SourcePrefix"/> counts them.</summary>
    internal ulong Prefix => IsIPv4
        ? Limits.SourcePrefix.OfIPv4(BinaryPrimitives.ReverseEndianness((uint)_low))
        : Limits.SourcePrefix.OfIPv6(BinaryPrimitives.ReverseEndianness(_high));

    /// <summary>Reads what recvmmsg wrote; false for another family than IPv4 and IPv6.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> name, out PeerAddress address)
    {
        address = default;
        if (name.Length < 16) return false;
        var family = MemoryMarshal.Read<ushort>(name);
        var port = MemoryMarshal.Read<ushort>(name[2..]);
        if (family == Linux.AF_INET)
        {
            address = new PeerAddress(0, MemoryMarshal.Read<uint>(name[4..]), 0, port, family);
            return true;
        }
        if (family != Linux.AF_INET6 || name.Length < SocketName.MaxLength) return false;
        address = new PeerAddress(MemoryMarshal.Read<ulong>(name[8..]), MemoryMarshal.Read<ulong>(name[16..]), MemoryMarshal.Read<uint>(name[24..]), port, family);
        return true;
    }

    internal static PeerAddress From(IPEndPoint endPoint)
    {
        Span<byte> name = stackalloc byte[SocketName.MaxLength];
        var length = SocketName.Encode(endPoint, name);
        return TryRead(name[..length], out var address) ? address : throw new ArgumentException($"{endPoint} is no address of a peer.", nameof(endPoint));
    }

    /// <summary>Writes a sockaddr and returns its length; <paramref name="name"/> has room for <see cref="SocketName.MaxLength"/> bytes.</summary>
    internal int Write(Span<byte> name)
    {
        MemoryMarshal.Write(name, _family);
        MemoryMarshal.Write(name[2..], _port);
        if (IsIPv4)
        {
            MemoryMarshal.Write(name[4..], (uint)_low);
            MemoryMarshal.Write(name[8..], 0UL);
            return 16;
        }
        MemoryMarshal.Write(name[4..], 0U);
        MemoryMarshal.Write(name[8..], _high);
        MemoryMarshal.Write(name[16..], _low);
        MemoryMarshal.Write(name[24..], _scope);
        return SocketName.MaxLength;
    }

    /// <summary>Writes the <see cref="KeyLength"/> bytes that stand for the address wherever its meaning does not matter.</summary>
    internal void WriteKey(Span<byte> key) => MemoryMarshal.Write(key, this);

    /// <summary>What <see cref="WriteKey"/> wrote.</summary>
    internal static PeerAddress ReadKey(ReadOnlySpan<byte> key) => MemoryMarshal.Read<PeerAddress>(key);

    internal IPEndPoint ToEndPoint()
    {
        Span<byte> name = stackalloc byte[SocketName.MaxLength];
        return SocketName.Decode(name[..Write(name)]);
    }

    /// <summary>A hash whose collisions nobody can choose who does not know the two random numbers.</summary>
    internal ulong Hash(ulong first, ulong second)
    {
        // Two multiplications of 64 x 64 bits, folded: every bit of the input reaches every bit of the result.
        var high = Math.BigMul(_high ^ first, _low ^ second, out var low);
        high = Math.BigMul(high ^ low ^ ((ulong)_port << 32 | _scope), second ^ first | 1, out low);
        return high ^ low;
    }
}
