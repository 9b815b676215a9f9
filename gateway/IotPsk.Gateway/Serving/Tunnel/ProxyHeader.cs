using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Numerics;
using System.Text;
using IotPsk.Net;

namespace IotPsk.Gateway.Serving.Tunnel;

/// <summary>The header of the PROXY protocol, version 2: tells a plain upstream who connected, from where, and how it was proved.</summary>
internal static class ProxyHeader
{
    /// <summary>The type of our own TLV, of the range left to applications (s2.2.8): the device id.</summary>
    internal const byte DeviceIdType = 0xE0;

    /// <summary>The longest header: addresses of IPv6, device id, version and cipher suite, checksum.</summary>
    internal const int MaxSize = 256;

    private const byte Version2Proxy = 0x21, TcpOverIPv4 = 0x11, TcpOverIPv6 = 0x21;
    private const byte CrcType = 0x03, SslType = 0x20, SslVersionType = 0x21, SslCipherType = 0x23;
    private const byte ClientSsl = 0x01;
    private const int FixedSize = 16, TlvHeaderSize = 3;

    private static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    /// <summary>Writes the header of a session whose handshake is done.</summary>
    internal static void Write(SessionInfo session, IPEndPoint local, IBufferWriter<byte> upstream) => upstream.Advance(Write(
        upstream.GetSpan(MaxSize), session.Remote, local, ((DeviceGrant)session.Tag!).Key.DeviceId, TlsNames.Of(session.Tls!.Version), session.Tls.CipherSuite.ToString()));

    /// <summary>Writes a header and returns its length.</summary>
    internal static int Write(Span<byte> to, IPEndPoint source, IPEndPoint destination, string deviceId, string version, string cipherSuite)
    {
        bool isIPv4 = source.AddressFamily == AddressFamily.InterNetwork;
        Signature.CopyTo(to);
        to[12] = Version2Proxy;
        to[13] = isIPv4 ? TcpOverIPv4 : TcpOverIPv6;
        int at = FixedSize;
        foreach (IPAddress address in (ReadOnlySpan<IPAddress>)[source.Address, destination.Address])
        {
            address.TryWriteBytes(to[at..], out int length);
            at += length;
        }
        BinaryPrimitives.WriteUInt16BigEndian(to[at..], (ushort)source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(to[(at + 2)..], (ushort)destination.Port);
        at = PutText(to, at + 4, DeviceIdType, deviceId);
        at = PutSsl(to, at, version, cipherSuite);
        int checksum = Begin(to, at, CrcType, sizeof(uint));
        at = checksum + sizeof(uint);
        to[checksum..at].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(to[14..], (ushort)(at - FixedSize));
        // s2.2.3: over the whole header, with the checksum as 0.
        BinaryPrimitives.WriteUInt32BigEndian(to[checksum..], Crc32c(to[..at]));
        return at;
    }

    // s2.2.6: what the client is, whether a certificate verified (there is none, so not 0), and texts about the session.
    private static int PutSsl(Span<byte> to, int at, string version, string cipherSuite)
    {
        int value = at + TlvHeaderSize;
        to[value] = ClientSsl;
        BinaryPrimitives.WriteUInt32BigEndian(to[(value + 1)..], 1);
        int end = PutText(to, PutText(to, value + 5, SslVersionType, version), SslCipherType, cipherSuite);
        Begin(to, at, SslType, end - value);
        return end;
    }

    private static int PutText(Span<byte> to, int at, byte type, string text)
    {
        int value = Begin(to, at, type, text.Length);
        return value + Encoding.ASCII.GetBytes(text, to[value..]);
    }

    private static int Begin(Span<byte> to, int at, byte type, int length)
    {
        to[at] = type;
        BinaryPrimitives.WriteUInt16BigEndian(to[(at + 1)..], (ushort)length);
        return at + TlvHeaderSize;
    }

    // RFC 4960 Appendix B.
    private static uint Crc32c(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
            crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}
