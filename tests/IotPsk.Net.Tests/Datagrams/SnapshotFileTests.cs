using IotPsk.Net.Datagrams;

namespace IotPsk.Net.Tests.Datagrams;

public sealed class SnapshotFileTests : IDisposable
{
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly byte[] Plain = [.. Enumerable.Range(0, 1000).Select(i => (byte)(i * 7))];
    private readonly string _directory = Directory.CreateTempSubdirectory("iotpsk").FullName;

    private string FileName => Path.Combine(_directory, "associations");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void It_is_read_once_and_then_gone()
    {
        SnapshotFile.Write(FileName, Key, 7, Plain);
        Assert.Equal(Plain, SnapshotFile.Take(FileName, Key, 7));
        Assert.Empty(Directory.GetFiles(_directory));
        Assert.Null(SnapshotFile.Take(FileName, Key, 7));
    }

    [Fact]
    public void It_is_for_its_owners_eyes_and_does_not_show_the_keys()
    {
        SnapshotFile.Write(FileName, Key, 7, Plain);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(FileName));
        Assert.Equal(-1, File.ReadAllBytes(FileName).AsSpan().IndexOf(Plain.AsSpan(0, 8)));
    }

    [Fact]
    public void A_copy_put_back_is_refused_once_the_generation_went_on()
    {
        SnapshotFile.Write(FileName, Key, 7, Plain);
        var copy = File.ReadAllBytes(FileName);
        Assert.NotNull(SnapshotFile.Take(FileName, Key, 7));
        File.WriteAllBytes(FileName, copy);
        var exception = Assert.Throws<DatagramSnapshotException>(() => SnapshotFile.Take(FileName, Key, 8));
        Assert.Contains("used before", exception.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(FileName));
    }

    [Fact]
    public void Another_key_opens_nothing_and_the_file_is_gone_all_the_same()
    {
        SnapshotFile.Write(FileName, Key, 7, Plain);
        Assert.Throws<DatagramSnapshotException>(() => SnapshotFile.Take(FileName, new byte[32], 7));
        Assert.False(File.Exists(FileName));
    }

    [Fact]
    public void No_byte_of_it_can_be_changed_and_none_can_miss()
    {
        byte[] plain = [1, 2, 3];
        SnapshotFile.Write(FileName, Key, 7, plain);
        var good = File.ReadAllBytes(FileName);
        for (var i = 0; i < good.Length; i++)
        {
            var bad = (byte[])good.Clone();
            bad[i] ^= 0x40;
            File.WriteAllBytes(FileName, bad);
            Assert.Throws<DatagramSnapshotException>(() => SnapshotFile.Take(FileName, Key, 7));
            File.WriteAllBytes(FileName, good[..i]);
            Assert.Throws<DatagramSnapshotException>(() => SnapshotFile.Take(FileName, Key, 7));
        }
        File.WriteAllBytes(FileName, good);
        Assert.Equal(plain, SnapshotFile.Take(FileName, Key, 7));
    }

    [Fact]
    public void A_saved_association_is_read_as_it_was_written_and_a_part_of_it_is_none()
    {
        var address = PeerAddress.From(System.Net.IPEndPoint.Parse("[2001:db8::1]:4711"));
        var buffer = new byte[SavedSession.Length(3, 5)];
        var saved = new SavedSession
        {
            Key = 0xDEADBEEF,
            Hello = ulong.MaxValue - 1,
            Shard = 3,
            Address = address,
            AcceptedTicks = 1,
            ConnectedTicks = 2,
            HeardTicks = 3,
            BytesUp = 4,
            BytesDown = 5,
            Tag = [9, 8, 7],
        };
        new byte[] { 1, 2, 3, 4, 5 }.CopyTo(saved.Write(buffer, 5, out var written));
        Assert.Equal(buffer.Length, written);
        ReadOnlySpan<byte> source = buffer;
        Assert.True(SavedSession.TryRead(ref source, out var read));
        Assert.True(source.IsEmpty);
        Assert.Equal((0xDEADBEEFu, ulong.MaxValue - 1, (byte)3, address), (read.Key, read.Hello, read.Shard, read.Address));
        Assert.Equal((1L, 2L, 3L, 4L, 5L), (read.AcceptedTicks, read.ConnectedTicks, read.HeardTicks, read.BytesUp, read.BytesDown));
        Assert.Equal([9, 8, 7], read.Tag.ToArray());
        Assert.Equal([1, 2, 3, 4, 5], read.Engine.ToArray());
        for (var i = 0; i < buffer.Length; i++)
        {
            ReadOnlySpan<byte> part = buffer.AsSpan(0, i);
            Assert.False(SavedSession.TryRead(ref part, out _));
        }
    }
}
