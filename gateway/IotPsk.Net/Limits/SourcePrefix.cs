using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace IotPsk.Net.Limits;

/// <summary>The block of addresses one network hands out to one customer: /24 of IPv4, /48 of IPv6.</summary>
internal static class SourcePrefix
{
    private const ulong V4Tag = 1UL << 48;

    /// <summary>A number unique to the prefix.</summary>
    internal static ulong Of(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        address.TryWriteBytes(bytes, out _);
        return address.AddressFamily == AddressFamily.InterNetwork
            ? OfIPv4(BinaryPrimitives.ReadUInt32BigEndian(bytes))
            : OfIPv6(BinaryPrimitives.ReadUInt64BigEndian(bytes));
    }

    /// <summary>The same of an IPv4 address.</summary>
    internal static ulong OfIPv4(uint address) => V4Tag | address >> 8;

    /// <summary>The same of the upper half of an IPv6 address.</summary>
    internal static ulong OfIPv6(ulong upperHalf) => upperHalf >> 16;
}
