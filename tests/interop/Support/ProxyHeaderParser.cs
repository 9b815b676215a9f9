using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace IotPsk.Interop.Tests.Support;

/// <summary>A header of the PROXY protocol, version 2, read as its description says (s2.2), for the side that gets it.</summary>
internal sealed class ProxyHeaderParser
{
    private static readonly byte[] Signature = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A];

    private ProxyHeaderParser(byte[] header)
    {
        Assert.Equal(Signature, header[..12]);
        Assert.Equal(0x21, header[12]);
        int length = header[13] switch
        {
            0x11 => 4,
            0x21 => 16,
            _ => throw new InvalidDataException($"family {header[13]:x2}"),
        };
        ReadOnlySpan<byte> rest = header.AsSpan(16);
        Source = new IPEndPoint(new IPAddress(rest[..length]), BinaryPrimitives.ReadUInt16BigEndian(rest[(2 * length)..]));
        Destination = new IPEndPoint(new IPAddress(rest[length..(2 * length)]), BinaryPrimitives.ReadUInt16BigEndian(rest[(2 * length + 2)..]));
        Fields = Read(rest[(2 * length + 4)..]);
        Assert.Equal([1], Fields[0x20][..1]);
        Assert.NotEqual(0, BinaryPrimitives.ReadInt32BigEndian(Fields[0x20].AsSpan(1)));
        Tls = Read(Fields[0x20].AsSpan(5)).ToDictionary(field => field.Key, field => Encoding.ASCII.GetString(field.Value));
    }

    public IPEndPoint Source { get; }

    public IPEndPoint Destination { get; }

    /// <summary>Values by type.</summary>
    public Dictionary<byte, byte[]> Fields { get; }

    /// <summary>Texts of PP2_TYPE_SSL by subtype.</summary>
    public Dictionary<byte, string> Tls { get; }

    /// <summary>Reads a header off a connection, and not a byte more.</summary>
    public static ProxyHeaderParser Receive(Socket socket)
    {
        byte[] start = Receive(socket, 16);
        return new ProxyHeaderParser([.. start, .. Receive(socket, BinaryPrimitives.ReadUInt16BigEndian(start.AsSpan(14)))]);
    }

    public static byte[] Receive(Socket socket, int count)
    {
        byte[] bytes = new byte[count];
        for (int have = 0; have < count;)
        {
            int part = socket.Receive(bytes.AsSpan(have));
            have += part > 0 ? part : throw new EndOfStreamException();
        }
        return bytes;
    }

    private static Dictionary<byte, byte[]> Read(ReadOnlySpan<byte> fields)
    {
        var read = new Dictionary<byte, byte[]>();
        while (!fields.IsEmpty)
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(fields[1..]);
            read.Add(fields[0], fields.Slice(3, length).ToArray());
            fields = fields[(3 + length)..];
        }
        return read;
    }
}
