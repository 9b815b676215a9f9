using System.Buffers.Binary;

namespace IotPsk.Tls.Tests.Support;

/// <summary>Datagrams written by hand.</summary>
internal static class TestDatagram
{
    public static byte[] Record(byte type, ushort epoch, ulong sequence, params byte[] fragment)
    {
        byte[] record = new byte[13 + fragment.Length];
        record[0] = type;
        BinaryPrimitives.WriteUInt64BigEndian(record.AsSpan(3), ((ulong)epoch << 48) | sequence);
        record[1] = 0xfe;
        record[2] = 0xfd;
        BinaryPrimitives.WriteUInt16BigEndian(record.AsSpan(11), (ushort)fragment.Length);
        fragment.CopyTo(record, 13);
        return record;
    }

    /// <summary>A fragment of a message in a record of its own in epoch 0.</summary>
    public static byte[] Fragment(byte type, ushort messageSequence, byte[] body, int offset = 0, int? length = null, ulong recordSequence = 0) =>
        Record(22, 0, recordSequence, FragmentBytes(type, messageSequence, body, offset, length));

    public static byte[] FragmentBytes(byte type, ushort messageSequence, byte[] body, int offset = 0, int? length = null)
    {
        int part = length ?? (body.Length - offset);
        byte[] bytes = new byte[12 + part];
        BinaryPrimitives.WriteInt32BigEndian(bytes, body.Length);
        bytes[0] = type;
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(4), messageSequence);
        bytes[7] = (byte)(offset >> 8);
        bytes[8] = (byte)offset;
        bytes[10] = (byte)(part >> 8);
        bytes[11] = (byte)part;
        body.AsSpan(offset, part).CopyTo(bytes.AsSpan(12));
        return bytes;
    }

    /// <summary>The body of a ClientHello without extensions, as far as a cookie is concerned.</summary>
    public static byte[] HelloBody(byte[] cookie, byte random = 7, byte[]? sessionId = null) =>
        [0xfe, 0xfd, .. Enumerable.Repeat(random, 32), (byte)(sessionId?.Length ?? 0), .. sessionId ?? [], (byte)cookie.Length, .. cookie, 0, 2, 0xc0, 0xa8, 1, 0];
}
