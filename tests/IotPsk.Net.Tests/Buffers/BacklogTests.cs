using FsCheck;
using FsCheck.Fluent;
using IotPsk.Net.Buffers;

namespace IotPsk.Net.Tests.Buffers;

public class BacklogTests
{
    [Fact]
    public void Any_appends_and_takes_keep_the_bytes_in_order_and_give_the_buffer_back()
    {
        // Positive: append so many bytes; negative: take up to so many.
        var steps = Gen.OneOf(Gen.Choose(-3000, 300), Gen.Choose(-100_000, 40_000)).ListOf().ToArbitrary();
        Prop.ForAll(steps, list =>
        {
            var pool = new BufferPool();
            var backlog = new Backlog();
            int written = 0, read = 0;
            foreach (var step in list)
            {
                if (step >= 0)
                {
                    backlog.Append(pool, [.. Enumerable.Range(written, step).Select(Pattern)]);
                    written += step;
                }
                else
                {
                    var count = Math.Min(-step, backlog.Length);
                    for (var i = 0; i < count; i++)
                        if (backlog.Bytes[i] != Pattern(read + i)) return false;
                    backlog.Consume(pool, count);
                    read += count;
                }
                if (backlog.Length != written - read || backlog.IsEmpty != (written == read)) return false;
                if (backlog.IsEmpty != (pool.BytesInUse == 0)) return false;
            }
            backlog.Clear(pool);
            return pool.BytesInUse == 0;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_buffer_goes_back_without_what_it_held()
    {
        var pool = new BufferPool();
        var backlog = new Backlog();
        backlog.Append(pool, "plaintext of somebody"u8);
        backlog.Consume(pool, 5);
        backlog.Clear(pool);
        Assert.All(pool.Rent(1), b => Assert.Equal(0, b));
    }

    [Fact]
    public void One_byte_holds_the_smallest_buffer()
    {
        var pool = new BufferPool();
        var backlog = new Backlog();
        backlog.Append(pool, [1]);
        Assert.Equal(256, pool.BytesInUse);
        backlog.Append(pool, new byte[3000]);
        Assert.Equal(17 * 1024, pool.BytesInUse);
        backlog.Clear(pool);
    }

    [Fact]
    public void Buffers_are_reused_and_only_a_few_are_kept()
    {
        var pool = new BufferPool();
        var buffers = Enumerable.Range(0, 1000).Select(_ => pool.Rent(60_000)).ToList();
        buffers.ForEach(pool.Return);
        var again = Enumerable.Range(0, 1000).Select(_ => pool.Rent(60_000)).ToList();
        Assert.InRange(again.Count(buffers.Contains), 1, 16);
        Assert.Equal(1000L * again[0].Length, pool.BytesInUse);
    }

    private static byte Pattern(int index) => (byte)(index * 31 + (index >> 8));
}
