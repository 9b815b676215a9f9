using System.Net;

namespace IotPsk.Keys.Tests;

public class SourcePrefixTests
{
    [Theory]
    [InlineData("192.0.2.1", "192.0.2.0/24")]
    [InlineData("::ffff:192.0.2.1", "192.0.2.0/24")]
    [InlineData("2001:db8:1:2::3", "2001:db8:1::/48")]
    [InlineData("127.0.0.1", "exempt")]
    [InlineData("127.9.9.9", "exempt")]
    [InlineData("::1", "exempt")]
    [InlineData("::ffff:127.0.0.1", "exempt")]
    public void Address_belongs_to_its_network(string address, string prefix) =>
        Assert.Equal(prefix, SourcePrefix.Of(IPAddress.Parse(address)).ToString());

    [Fact]
    public void Neighbours_share_a_prefix_and_others_do_not()
    {
        Assert.Equal(Of("192.0.2.1"), Of("192.0.2.255"));
        Assert.NotEqual(Of("192.0.2.1"), Of("192.0.3.1"));
        Assert.Equal(Of("2001:db8:1::1"), Of("2001:db8:1:ffff::1"));
        Assert.NotEqual(Of("2001:db8:1::1"), Of("2001:db8:2::1"));
        Assert.Equal(Of("192.0.2.1"), Of("::ffff:192.0.2.9"));
        Assert.True(SourcePrefix.Exempt.IsExempt);
        Assert.False(Of("0.0.0.1").IsExempt);
    }

    private static SourcePrefix Of(string address) => SourcePrefix.Of(IPAddress.Parse(address));
}

public class TokenBucketsTests
{
    [Fact]
    public void Bucket_starts_full_empties_and_refills()
    {
        var buckets = new TokenBuckets<string>(2, 3, 100, 1000);

        Assert.Equal(3, TakeAll(buckets, "a", 0));
        Assert.Equal(0, TakeAll(buckets, "a", 499));
        Assert.Equal(1, TakeAll(buckets, "a", 500));
        Assert.Equal(3, TakeAll(buckets, "a", 1_000_000));
    }

    [Fact]
    public void Number_of_buckets_is_bounded_and_the_rest_share_one()
    {
        var buckets = new TokenBuckets<int>(1, 2, 10, 1000);
        for (var key = 0; key < 10; key++)
            Assert.Equal(2, TakeAll(buckets, key, 0));

        var late = Enumerable.Range(10, 90).Sum(key => TakeAll(buckets, key, 0));

        Assert.Equal(2, late);
        Assert.Equal(10, buckets.Count);
    }

    [Fact]
    public void Full_buckets_make_room()
    {
        var buckets = new TokenBuckets<int>(1, 2, 10, 1000);
        for (var key = 0; key < 10; key++)
            TakeAll(buckets, key, 0);

        Assert.Equal(20, Enumerable.Range(100, 10).Sum(key => TakeAll(buckets, key, 5000)));
        Assert.Equal(10, buckets.Count);
    }

    private static int TakeAll<T>(TokenBuckets<T> buckets, T key, long now)
        where T : notnull
    {
        var taken = 0;
        for (; buckets.Has(key, now) && taken < 1000; taken++)
            buckets.Take(key, now);
        return taken;
    }
}

public class KeyCacheTests
{
    [Fact]
    public void Least_recently_used_key_goes_first_when_the_cache_is_full()
    {
        using var memory = new LockedMemory();
        using var part = new KeyCachePart(memory, 2, 1);
        Proved(part, "a");
        Proved(part, "b");
        Assert.True(Has(part, "a"));

        Proved(part, "c");

        Assert.Equal((true, false, true), (Has(part, "a"), Has(part, "b"), Has(part, "c")));
    }

    [Fact]
    public void Eviction_takes_every_key_of_a_device_and_no_other()
    {
        using var memory = new LockedMemory();
        using var part = new KeyCachePart(memory, 100, 100);
        foreach (var use in Enum.GetValues<KeyUse>())
            part.Add(new KeyId("a", 1, use), new byte[use.KeySize()]);
        Proved(part, "a");
        Proved(part, "b");

        part.Evict("a");

        Assert.Equal((1, 0), (part.ProvedCount, part.ProbationCount));
        Assert.False(Has(part, "a"));
        Assert.True(Has(part, "b"));
    }

    [Fact]
    public void Returned_slots_are_zero_and_used_again()
    {
        using var memory = new LockedMemory();
        var slots = Enumerable.Range(0, 5000).Select(_ => memory.Rent()).ToArray();
        Assert.Equal(5000, slots.Distinct().Count());
        foreach (var slot in slots)
            memory.Slot(slot).Fill(0xa5);

        memory.Return(slots[42]);

        Assert.Equal(-1, memory.Slot(slots[42]).IndexOfAnyExcept((byte)0));
        Assert.Equal(0xa5, memory.Slot(slots[41])[47]);
        Assert.Equal(slots[42], memory.Rent());
    }

    [Fact]
    public void Keys_stay_whole_under_concurrent_use()
    {
        using var cache = new KeyCache(64, 64);
        Parallel.For(0, 20_000, i =>
        {
            var number = i % 300;
            var id = new KeyId($"dev-{number}", 1, KeyUse.Psk12);
            Span<byte> key = stackalloc byte[KeyUses.MaxKeySize];
            if (cache.TryGet(id, key, out var length))
                Assert.Equal(-1, key[..length].IndexOfAnyExcept((byte)number));
            key.Fill((byte)number);
            cache.Add(id, key[..32]);
            if (i % 3 == 0)
                cache.Promote(id);
            if (i % 7 == 0)
                cache.Evict(id.DeviceId);
        });

        Assert.InRange(cache.ProvedCount, 0, 64);
        Assert.InRange(cache.ProbationCount, 0, 64);
    }

    private static void Proved(KeyCachePart part, string device)
    {
        part.Add(Id(device), new byte[32]);
        Assert.True(part.Promote(Id(device)));
    }

    private static bool Has(KeyCachePart part, string device) => part.TryGet(Id(device), new byte[48], out _);

    private static KeyId Id(string device) => new(device, 9, KeyUse.Psk12);
}
