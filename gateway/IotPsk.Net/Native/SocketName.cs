using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace IotPsk.Net.Native;

/// <summary>struct sockaddr_in and sockaddr_in6, to and from <see cref="IPEndPoint"/>; struct sockaddr_un from a path.</summary>
internal static class SocketName
{
    /// <summary>sizeof(struct sockaddr_in6), the larger of the two.</summary>
    internal const int MaxLength = 28;

    /// <summary>sizeof(struct sockaddr_un).</summary>
    internal const int MaxUnixLength = 110;
    private const int V4Length = 16;

    internal static int Family(IPEndPoint endPoint) =>
        endPoint.AddressFamily == AddressFamily.InterNetworkV6 ? Linux.AF_INET6 : Linux.AF_INET;

    /// <summary>Writes an IP address or a path and returns its length in bytes.</summary>
    internal static int Encode(EndPoint endPoint, Span<byte> target)
    {
        if (endPoint is IPEndPoint ip) return Encode(ip, target);
        if (endPoint is not UnixDomainSocketEndPoint unix)
            throw new ArgumentException($"{endPoint} is neither an IP address nor the path of a Unix socket.", nameof(endPoint));
        var name = unix.Serialize();
        name.Buffer.Span[..name.Size].CopyTo(target);
        return name.Size;
    }

    /// <summary>Writes the address and returns its length in bytes.</summary>
    internal static int Encode(IPEndPoint endPoint, Span<byte> target)
    {
        target[..MaxLength].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(target[2..], (ushort)endPoint.Port);
        if (endPoint.AddressFamily == AddressFamily.InterNetwork)
        {
            WriteFamily(target, Linux.AF_INET);
            endPoint.Address.TryWriteBytes(target[4..], out _);
            return V4Length;
        }
        if (endPoint.AddressFamily != AddressFamily.InterNetworkV6)
            throw new ArgumentException($"{endPoint} is neither an IPv4 nor an IPv6 address.", nameof(endPoint));
        WriteFamily(target, Linux.AF_INET6);
        endPoint.Address.TryWriteBytes(target[8..], out _);
        WriteHost32(target[24..], (uint)endPoint.Address.ScopeId);
        return MaxLength;
    }

    /// <summary>Reads what the kernel wrote; an IPv4 address mapped into IPv6 comes back as IPv4.</summary>
    internal static IPEndPoint Decode(ReadOnlySpan<byte> name)
    {
        var family = BitConverter.ToUInt16(name);
        var port = BinaryPrimitives.ReadUInt16BigEndian(name[2..]);
        if (family == Linux.AF_INET)
            return new IPEndPoint(BitConverter.ToUInt32(name[4..]), port);
        if (family != Linux.AF_INET6)
            throw new ArgumentException($"Address family {family} is neither AF_INET nor AF_INET6.", nameof(name));
        var address = new IPAddress(name.Slice(8, 16), BitConverter.ToUInt32(name[24..]));
        return new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port);
    }

    private static void WriteFamily(Span<byte> target, int family) => BitConverter.TryWriteBytes(target, (ushort)family);

    private static void WriteHost32(Span<byte> target, uint value) => BitConverter.TryWriteBytes(target, value);
}
