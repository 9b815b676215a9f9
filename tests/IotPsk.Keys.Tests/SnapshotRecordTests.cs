using IotPsk.Keys.Tests.Support;

namespace IotPsk.Keys.Tests;

public abstract class SnapshotRecordTests : IDisposable
{
    private readonly BackEnd _backEnd;
    private readonly IRegistry _registry;

    protected SnapshotRecordTests(BackEnd backEnd) => (_backEnd, _registry) = (backEnd, backEnd.Source.OpenOrCreate());

    public void Dispose()
    {
        _registry.Dispose();
        _backEnd.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void A_snapshot_is_given_once_and_only_after_it_was_announced()
    {
        Assert.Null(_registry.TakeSnapshot("lwm2m"));
        long generation = _registry.AnnounceSnapshot("lwm2m", 3);
        Assert.Equal(new SnapshotRecord(generation, 3), _registry.TakeSnapshot("lwm2m"));
        Assert.Null(_registry.TakeSnapshot("lwm2m"));
        using IRegistry other = _backEnd.Source.Open();
        Assert.Null(other.TakeSnapshot("lwm2m"));
    }

    [Fact]
    public void Every_snapshot_of_a_listener_has_a_number_of_its_own()
    {
        long first = _registry.AnnounceSnapshot("a", 1), second = _registry.AnnounceSnapshot("a", 1);
        Assert.Equal(second, _registry.TakeSnapshot("a")!.Generation);
        Assert.NotEqual(first, second);
        Assert.NotEqual(second, _registry.AnnounceSnapshot("a", 2));
        Assert.Null(_registry.TakeSnapshot("b"));
    }

    [Fact]
    public void No_number_comes_again_in_a_registry_that_was_made_anew_or_at_another_gateway()
    {
        // The files are sealed under the fleet's key: by its number alone one of before, or of the other gateway, is told from the right one.
        using var other = new SqliteBackEnd();
        using IRegistry anew = other.Source.OpenOrCreate();
        long[] here = [.. Enumerable.Range(0, 20).Select(_ => _registry.AnnounceSnapshot("lwm2m", 1))];
        long[] there = [.. Enumerable.Range(0, 20).Select(_ => anew.AnnounceSnapshot("lwm2m", 1))];
        Assert.Equal(40, here.Concat(there).Distinct().Count());
        Assert.All(here, generation => Assert.True(generation >= 0));
    }
}

public sealed class SnapshotRecordTestsOnSqlite() : SnapshotRecordTests(new SqliteBackEnd());

public sealed class SnapshotRecordTestsOnPostgres() : SnapshotRecordTests(new PostgresBackEnd());
