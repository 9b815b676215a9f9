using IotPsk.Tls.Records;

namespace IotPsk.Tls.Tests.Support;

/// <summary>Records that the engine would not write.</summary>
internal static class TestRecord
{
    public static byte[] Plain(byte type, params byte[] content) => [type, 3, 3, (byte)(content.Length >> 8), (byte)content.Length, .. content];

    /// <summary>Content cut to plain records of a size.</summary>
    public static byte[] Fragmented(byte type, byte[] content, int size) =>
        [.. content.Chunk(size).SelectMany(part => Plain(type, part))];

    /// <summary>A record under the keys that an end writes with now. Type 0 lets the content end in type and padding of its own.</summary>
    public static byte[] Protected(PskTlsConnection connection, byte type, params byte[] content)
    {
        RecordProtection keys = connection.Records.WriteProtection!;
        byte[] record = new byte[content.Length + keys.Overhead];
        Assert.Equal(record.Length, keys.Seal((ContentType)type, content, record));
        return record;
    }
}
