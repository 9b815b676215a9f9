using System.Buffers.Binary;

namespace IotPsk.Tls.Tests.Support;

/// <summary>Writes what went over a link as a capture of one TCP connection (pcap, raw IPv4).</summary>
internal sealed class Capture
{
    private const int HeadersLength = 20 + 20;
    private const int MaxSegment = 1400;

    private readonly List<byte> _file = [];
    private readonly ushort _port;
    private uint _clientSequence = 1000;
    private uint _serverSequence = 5000;
    private uint _packets;

    public Capture(ushort port)
    {
        _port = port;
        Span<byte> header = stackalloc byte[24];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0xa1b2c3d4);
        header[4] = 2;
        header[6] = 4;
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], 65535);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 101);
        _file.AddRange(header);
        Segment(true, 0x02, []);
        _clientSequence++;
        Segment(false, 0x12, []);
        _serverSequence++;
        Segment(true, 0x10, []);
    }

    public void Add(bool fromClient, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            ReadOnlySpan<byte> part = bytes[..Math.Min(bytes.Length, MaxSegment)];
            bytes = bytes[part.Length..];
            Segment(fromClient, 0x18, part);
            if (fromClient)
                _clientSequence += (uint)part.Length;
            else
                _serverSequence += (uint)part.Length;
        }
    }

    public void Save(string path) => File.WriteAllBytes(path, [.. _file]);

    private void Segment(bool fromClient, byte flags, ReadOnlySpan<byte> data)
    {
        byte[] packet = new byte[16 + HeadersLength + data.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(packet, 1_800_000_000);
        BinaryPrimitives.WriteUInt32LittleEndian(packet.AsSpan(4), ++_packets * 1000);
        BinaryPrimitives.WriteInt32LittleEndian(packet.AsSpan(8), packet.Length - 16);
        BinaryPrimitives.WriteInt32LittleEndian(packet.AsSpan(12), packet.Length - 16);
        Span<byte> ip = packet.AsSpan(16);
        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)ip.Length);
        ip[8] = 64;
        ip[9] = 6;
        ((byte[])[127, 0, 0, fromClient ? (byte)2 : (byte)1]).CopyTo(ip[12..]);
        ((byte[])[127, 0, 0, fromClient ? (byte)1 : (byte)2]).CopyTo(ip[16..]);
        Span<byte> tcp = ip[20..];
        BinaryPrimitives.WriteUInt16BigEndian(tcp, fromClient ? (ushort)40_000 : _port);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[2..], fromClient ? _port : (ushort)40_000);
        BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], fromClient ? _clientSequence : _serverSequence);
        BinaryPrimitives.WriteUInt32BigEndian(tcp[8..], fromClient ? _serverSequence : _clientSequence);
        tcp[12] = 0x50;
        tcp[13] = flags;
        BinaryPrimitives.WriteUInt16BigEndian(tcp[14..], 65535);
        data.CopyTo(tcp[20..]);
        _file.AddRange(packet);
    }
}
