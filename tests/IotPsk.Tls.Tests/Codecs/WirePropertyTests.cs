using FsCheck;
using FsCheck.Fluent;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Tests.Codecs;

public class WirePropertyTests
{
    [Fact]
    public void What_is_written_is_read() => Prop.ForAll<uint, byte[], byte[]>((c, d, e) =>
    {
        byte a = (byte)c;
        ushort b = (ushort)(c >> 3);
        byte[] shorter = d.Length > 255 ? d[..255] : d;
        byte[] buffer = new byte[20 + shorter.Length + e.Length];
        var writer = new WireWriter(buffer);
        writer.WriteByte(a);
        writer.WriteUInt16(b);
        writer.WriteUInt32(c);
        writer.WriteVector8(shorter);
        WireWriter.Mark mark = writer.BeginVector(2);
        writer.WriteBytes(e);
        writer.EndVector(mark);

        var reader = new WireReader(writer.Written);
        return reader.TryReadByte(out byte a2) && a2 == a && reader.TryReadUInt16(out ushort b2) && b2 == b && reader.TryReadUInt32(out uint c2) && c2 == c &&
            reader.TryReadVector8(out ReadOnlySpan<byte> d2) && d2.SequenceEqual(shorter) && reader.TryReadVector16(out ReadOnlySpan<byte> e2) && e2.SequenceEqual(e) &&
            reader.IsEmpty;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_reader_never_reads_past_the_end() => Prop.ForAll<byte[]>(bytes =>
    {
        var reader = new WireReader(bytes);
        int total = 0;
        while (reader.TryReadVector8(out ReadOnlySpan<byte> part))
            total += 1 + part.Length;
        return total <= bytes.Length && reader.Position <= bytes.Length;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_vector_longer_than_its_length_field_is_refused()
    {
        Assert.Throws<OverflowException>(() =>
        {
            var writer = new WireWriter(new byte[400]);
            WireWriter.Mark mark = writer.BeginVector(1);
            writer.Reserve(256);
            writer.EndVector(mark);
        });
    }

    [Fact]
    public void A_queue_gives_back_what_it_got_in_any_portions() => Prop.ForAll<byte[][], PositiveInt>((parts, portion) =>
    {
        var queue = default(OutputQueue);
        var taken = new List<byte>();
        byte[] room = new byte[portion.Get];
        foreach (byte[] part in parts)
        {
            part.CopyTo(queue.Append(part.Length));
            taken.AddRange(room.AsSpan(0, queue.Drain(room)));
        }

        while (queue.Count > 0)
            taken.AddRange(room.AsSpan(0, queue.Drain(room)));
        queue.Release();
        return taken.SequenceEqual(parts.SelectMany(part => part));
    }).QuickCheckThrowOnFailure();
}
