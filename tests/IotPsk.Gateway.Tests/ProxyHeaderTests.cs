using System.Net;
using System.Text;
using IotPsk.Gateway.Serving.Tunnel;

namespace IotPsk.Gateway.Tests;

/// <summary>The header of the PROXY protocol against bytes put together by hand from its description.</summary>
public class ProxyHeaderTests
{
    [Fact]
    public void The_header_of_IPv4_has_every_byte_the_description_says()
    {
        byte[] header = Write("192.0.2.7", 40000, "198.51.100.1", 8443);
        byte[] body =
        [
            192, 0, 2, 7, 198, 51, 100, 1, 0x9c, 0x40, 0x20, 0xfb,
            0xE0, 0, 8, .. "sensor-1"u8,
            0x20, 0, 5 + 3 + 7 + 3 + 4, 0x01, 0, 0, 0, 1,
            0x21, 0, 7, .. "TLSv1.3"u8,
            0x23, 0, 4, .. "CIPH"u8,
            0x03, 0, 4,
        ];
        Assert.Equal((byte[])[0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0, (byte)(body.Length + 4), .. body], header[..^4]);
        Assert.Equal(Crc32c([.. header[..^4], 0, 0, 0, 0]), BitConverter.ToUInt32([.. header[^4..].Reverse()]));
    }

    [Fact]
    public void The_header_of_IPv6_has_long_addresses()
    {
        byte[] header = Write("2001:db8::7", 1, "2001:db8::1", 65535);
        Assert.Equal(0x21, header[13]);
        Assert.Equal([.. IPAddress.Parse("2001:db8::7").GetAddressBytes(), .. IPAddress.Parse("2001:db8::1").GetAddressBytes(), 0, 1, 0xff, 0xff], header[16..52]);
        Assert.Equal(header.Length - 16, (header[14] << 8) | header[15]);
    }

    [Fact]
    public void The_longest_one_fits()
    {
        byte[] buffer = new byte[ProxyHeader.MaxSize];
        var address = new IPEndPoint(IPAddress.IPv6Loopback, 1);
        string suite = Enum.GetNames<IotPsk.Tls.CipherSuite>().MaxBy(name => name.Length)!;
        Assert.InRange(ProxyHeader.Write(buffer, address, address, new string('x', 64), "DTLSv1.3", suite), 100, buffer.Length);
    }

    [Fact]
    public void The_checksum_of_the_test_is_the_one_of_RFC_3720() => Assert.Equal(0xE3069283, Crc32c(Encoding.ASCII.GetBytes("123456789")));

    private static byte[] Write(string source, int sourcePort, string destination, int destinationPort)
    {
        byte[] buffer = new byte[ProxyHeader.MaxSize];
        Array.Fill(buffer, (byte)0xEE);
        return buffer[..ProxyHeader.Write(buffer, new IPEndPoint(IPAddress.Parse(source), sourcePort), new IPEndPoint(IPAddress.Parse(destination), destinationPort), "sensor-1", "TLSv1.3", "CIPH")];
    }

    // Bit by bit, as the polynomial is defined.
    private static uint Crc32c(byte[] bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int i = 0; i < 8; i++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
        }
        return ~crc;
    }
}
