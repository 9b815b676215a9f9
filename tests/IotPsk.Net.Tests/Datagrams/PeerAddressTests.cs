using System.Net;
using IotPsk.Net.Datagrams;
using IotPsk.Net.Limits;
using IotPsk.Net.Native;

namespace IotPsk.Net.Tests.Datagrams;

public class PeerAddressTests
{
    [Theory]
    [InlineData("127.0.0.1:5684")]
    [InlineData("203.0.113.77:65535")]
    [InlineData("[::1]:1")]
    [InlineData("[2001:db8:1:2:3:4:5:6]:40000")]
    [InlineData("[fe80::1%3]:40000")]
    public void An_address_survives_the_sockaddr_the_key_and_the_end_point(string text)
    {
        var endPoint = IPEndPoint.Parse(text);
        Span<byte> name = stackalloc byte[SocketName.MaxLength];
        Span<byte> key = stackalloc byte[PeerAddress.KeyLength];
        var address = PeerAddress.From(endPoint);
        Assert.Equal(endPoint, address.ToEndPoint());
        Assert.True(PeerAddress.TryRead(name[..address.Write(name)], out var read));
        Assert.Equal(address, read);
        address.WriteKey(key);
        Assert.Equal(address, PeerAddress.ReadKey(key));
        Assert.Equal(SourcePrefix.Of(endPoint.Address), address.Prefix);
        Assert.Equal(IPAddress.IsLoopback(endPoint.Address), address.IsLoopback);
    }

    [Fact]
    public void Loopback_is_all_of_127_and_one_address_of_IPv6()
    {
        Assert.True(PeerAddress.From(IPEndPoint.Parse("127.255.3.9:1")).IsLoopback);
        Assert.False(PeerAddress.From(IPEndPoint.Parse("128.0.0.1:1")).IsLoopback);
        Assert.False(PeerAddress.From(IPEndPoint.Parse("[::2]:1")).IsLoopback);
        Assert.False(PeerAddress.From(IPEndPoint.Parse("[1::1]:1")).IsLoopback);
    }

    [Fact]
    public void Neighbours_differ_and_spread_over_the_buckets()
    {
        const int Buckets = 1024;
        var counts = new int[Buckets];
        var seen = new HashSet<PeerAddress>();
        for (var i = 0; i < 16 * Buckets; i++)
        {
            // Neighbouring ports of neighbouring hosts, as a NAT hands them out.
            var address = PeerAddress.From(new IPEndPoint(new IPAddress([10, 0, (byte)(i >> 12), (byte)(i >> 8)]), 40_000 + (i & 255)));
            Assert.True(seen.Add(address));
            counts[address.Hash(0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F) & (Buckets - 1)]++;
        }
        // 16 on average; chance alone does not bring 64 of them into one bucket.
        Assert.InRange(counts.Max(), 17, 64);
        Assert.InRange(counts.Count(count => count == 0), 0, 8);
    }

    [Fact]
    public void Another_family_or_half_an_address_is_none()
    {
        Span<byte> name = stackalloc byte[SocketName.MaxLength];
        name.Clear();
        Assert.False(PeerAddress.TryRead(name, out _));
        PeerAddress.From(IPEndPoint.Parse("[::1]:1")).Write(name);
        Assert.False(PeerAddress.TryRead(name[..27], out _));
        Assert.False(PeerAddress.TryRead(name[..15], out _));
    }
}
