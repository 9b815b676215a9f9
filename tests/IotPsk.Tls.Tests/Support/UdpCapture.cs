using System.Buffers.Binary;

namespace IotPsk.Tls.Tests.Support;

/// <summary>Writes what went over a link as a capture of UDP datagrams (pcap, raw IPv4).</summary>
internal sealed class UdpCapture
{
    private const int HeadersLength = 20 + 8;

    private readonly List<byte> _file = [];
    private readonly ushort _port;
    private uint _packets;

    public UdpCapture(ushort port)
    {
        _port = port;
        Span<byte> header = stackalloc byte[24];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0xa1b2c3d4);
        header[4] = 2;
        header[6] = 4;
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], 65535);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 101);
        _file.AddRange(header);
    }

    public void Add(bool fromClient, ReadOnlySpan<byte> datagram)
    {
        byte[] packet = new byte[16 + HeadersLength + datagram.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(packet, 1_800_000_000);
        BinaryPrimitives.WriteUInt32LittleEndian(packet.AsSpan(4), ++_packets * 1000);
        BinaryPrimitives.WriteInt32LittleEndian(packet.AsSpan(8), packet.Length - 16);
        BinaryPrimitives.WriteInt32LittleEndian(packet.AsSpan(12), packet.Length - 16);
        Span<byte> ip = packet.AsSpan(16);
        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)ip.Length);
        ip[8] = 64;
        ip[9] = 17;
        ((byte[])[127, 0, 0, fromClient ? (byte)2 : (byte)1]).CopyTo(ip[12..]);
        ((byte[])[127, 0, 0, fromClient ? (byte)1 : (byte)2]).CopyTo(ip[16..]);
        Span<byte> udp = ip[20..];
        BinaryPrimitives.WriteUInt16BigEndian(udp, fromClient ? (ushort)40_000 : _port);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], fromClient ? _port : (ushort)40_000);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)udp.Length);
        datagram.CopyTo(udp[8..]);
        _file.AddRange(packet);
    }

    public void Save(string path) => File.WriteAllBytes(path, [.. _file]);
}
