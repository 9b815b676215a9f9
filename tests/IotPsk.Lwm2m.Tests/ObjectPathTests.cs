using FsCheck;
using FsCheck.Fluent;

namespace IotPsk.Lwm2m.Tests;

public class ObjectPathTests
{
    [Theory]
    [InlineData("/", 0, "/")]
    [InlineData("/3", 1, "/3")]
    [InlineData("3/0", 2, "/3/0")]
    [InlineData("/3/0/9", 3, "/3/0/9")]
    [InlineData("/65534/0/65534/0", 4, "/65534/0/65534/0")]
    public void Paths_are_read_and_written(string text, int depth, string canonical)
    {
        Assert.True(ObjectPath.TryParse(text, out ObjectPath path));
        Assert.Equal((depth, canonical), (path.Depth, path.ToString()));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("//")]
    [InlineData("/3/")]
    [InlineData("/03")]
    [InlineData("/65535")]
    [InlineData("/-1")]
    [InlineData("/+1")]
    [InlineData("/3/ 0")]
    [InlineData("/3/0/9/0/0")]
    [InlineData("/rd")]
    [InlineData("/99999999999")]
    public void What_is_no_path_is_not_read(string? text) => Assert.False(ObjectPath.TryParse(text, out _));

    [Fact]
    public void Ids_survive() =>
        Prop.ForAll(Arb.From(Gen.Choose(0, ObjectPath.MaxId).ListOf(4)), Arb.From(Gen.Choose(0, 4)), (ids, depth) =>
        {
            int[] given = [.. ids.Select((id, i) => i < depth ? id : -1)];
            var path = new ObjectPath(given[0], given[1], given[2], given[3]);
            return ObjectPath.TryParse(path.ToString(), out ObjectPath read) && read == path && read.Depth == depth
                && read.ObjectId == given[0] && read.InstanceId == given[1] && read.ResourceId == given[2] && read.ResourceInstanceId == given[3];
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("/", "/3", true)]
    [InlineData("/3", "/3", true)]
    [InlineData("/3", "/3/0/1", true)]
    [InlineData("/3/0", "/3/1", false)]
    [InlineData("/3/0/1", "/3/0", false)]
    [InlineData("/3/0/1", "/3/0/1/7", true)]
    public void A_path_contains_what_is_below_it(string outer, string inner, bool expected)
    {
        Assert.True(ObjectPath.TryParse(outer, out ObjectPath one) & ObjectPath.TryParse(inner, out ObjectPath other));
        Assert.Equal(expected, one.Contains(other));
    }

    [Fact]
    public void Ids_that_cannot_be_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ObjectPath(65535));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ObjectPath(-2));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ObjectPath(-1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ObjectPath(3, -1, 0));
    }
}
