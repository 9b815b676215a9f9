using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace IotPsk.Keys;

/// <summary>
/// The network a peer is in: /24 of IPv4, /48 of IPv6. Loopback is exempt from limits per prefix.
/// </summary>
public readonly record struct SourcePrefix
{
    private readonly ulong _bits;
    private readonly byte _family;

    private SourcePrefix(byte family, ulong bits)
    {
        _family = family;
        _bits = bits;
    }

    /// <summary>No prefix: nothing is limited.</summary>
    public static SourcePrefix Exempt => default;

    /// <summary>Whether limits per prefix do not hold.</summary>
    public bool IsExempt => _family == 0;

    /// <summary>The prefix of an address; an IPv4-mapped IPv6 address is one of IPv4.</summary>
    public static SourcePrefix Of(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (IPAddress.IsLoopback(address))
            return Exempt;
        Span<byte> bytes = stackalloc byte[16];
        _ = address.TryWriteBytes(bytes, out _);
        if (address.AddressFamily == AddressFamily.InterNetwork)
            return V4(bytes);
        if (!address.IsIPv4MappedToIPv6)
            return new SourcePrefix(6, BinaryPrimitives.ReadUInt64BigEndian(bytes) >> 16);
        return bytes[12] == IPAddress.Loopback.GetAddressBytes()[0] ? Exempt : V4(bytes[12..]);
    }

    /// <inheritdoc/>
    public override string ToString() => _family switch
    {
        4 => $"{(_bits >> 16) & 0xff}.{(_bits >> 8) & 0xff}.{_bits & 0xff}.0/24",
        6 => $"{(_bits >> 32) & 0xffff:x}:{(_bits >> 16) & 0xffff:x}:{_bits & 0xffff:x}::/48",
        _ => "exempt",
    };

    private static SourcePrefix V4(ReadOnlySpan<byte> bytes) => new(4, BinaryPrimitives.ReadUInt32BigEndian(bytes) >> 8);
}
