using System.Buffers.Binary;
using System.Security.Cryptography;

namespace IotPsk.Net.Datagrams;

/// <summary>
/// Connection ids of one shard (RFC 9146): node, shard, and four random bytes. The first two route a datagram whose address
/// has changed; the others find the association and tell a device's sessions apart no better than chance.
/// </summary>
internal static class ConnectionIds
{
    internal const int Length = 2 + sizeof(uint);

    /// <summary>tls12_cid, the first byte of a datagram that bears an id (RFC 9146 s4).</summary>
    internal const byte ContentType = 25;

    /// <summary>Where a datagram has the shard's byte: behind type, version, epoch, sequence number and the node's byte.</summary>
    internal const int ShardOffset = 1 + 2 + 2 + 6 + 1;

    internal static void Write(Span<byte> connectionId, byte node, int shard, uint key)
    {
        connectionId[0] = node;
        connectionId[1] = (byte)shard;
        BinaryPrimitives.WriteUInt32BigEndian(connectionId[2..], key);
    }

    internal static uint KeyOf(ReadOnlySpan<byte> connectionId) => BinaryPrimitives.ReadUInt32BigEndian(connectionId[2..]);

    /// <summary>Ids of a run with more shards still belong to one of this run's.</summary>
    internal static int ShardOf(ReadOnlySpan<byte> connectionId, int shards) => ShardByteOf(connectionId) % shards;

    /// <summary>The shard of the run that gave the id out.</summary>
    internal static byte ShardByteOf(ReadOnlySpan<byte> connectionId) => connectionId[1];

    internal static uint NewKey()
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }
}
