using IotPsk.Net.Tests.Support;
using System.Text;

namespace IotPsk.Net.Tests.Datagrams;

public sealed class DatagramRestartTests : IDisposable
{
    private static readonly int Associations = Environment.GetEnvironmentVariable("IOTPSK_LONG") is null ? 300 : 10_000;
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)(i + 100))];
    private readonly string _directory = Directory.CreateTempSubdirectory("iotpsk").FullName;

    private string FileName => Path.Combine(_directory, "associations");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData(3, 3)]
    [InlineData(3, 2)]
    [InlineData(1, 3)]
    public async Task After_a_restart_every_device_goes_on_without_a_handshake(int shardsBefore, int shardsAfter)
    {
        var before = new DatagramBench(shardsBefore);
        var clients = Enumerable.Range(0, Associations).Select(i => before.Connect($"device-{i}", connectionId: i % 3 != 0)).ToList();
        var stopped = await Suspend(before, 1);
        Assert.Equal(Associations, stopped);
        before.Dispose();
        Assert.Equal(Associations, before.Events.Count("closed Stopping"));

        using var after = new DatagramBench(shardsAfter, options => options with { Listen = before.Server }, snapshot: Take(1));
        Assert.Equal(Associations, after.Metrics.Restored);
        for (var i = 0; i < Associations; i++)
        {
            // Some wake up behind another port.
            if (i % 3 == 1) clients[i].Rebind();
            Assert.Equal($"I am {i}", clients[i].Echo($"I am {i}"));
            if (i % 97 == 0) Assert.Equal(clients[i].Local, after.SessionOf($"device-{i}").Remote);
        }
        Assert.Equal((0L, 0L), (after.Metrics.CookiesSent, after.Metrics.HandshakesCompleted));
        Assert.Equal(Associations, after.Metrics.Sessions);
        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task The_number_of_shards_may_change_again_and_again()
    {
        var bench = new DatagramBench(3);
        var server = bench.Server;
        var clients = Enumerable.Range(0, 30).Select(i => bench.Connect($"device-{i}", connectionId: i % 3 != 0)).ToList();
        var generation = 0;
        foreach (var shards in (int[])[2, 1, 3])
        {
            Assert.Equal(clients.Count, await Suspend(bench, ++generation));
            bench.Dispose();
            bench = new DatagramBench(shards, options => options with { Listen = server }, snapshot: Take(generation));
            // The ids that were given out name the shards of the first run.
            for (var i = 0; i < clients.Count; i++) Assert.Equal($"{shards} {i}", clients[i].Echo($"{shards} {i}"));
            Assert.Equal((0L, 0L), (bench.Metrics.CookiesSent, bench.Metrics.UnknownConnectionId));
        }
        bench.Dispose();
        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task What_was_received_before_the_stop_is_not_taken_again_after_it()
    {
        var before = new DatagramBench();
        using var client = before.Connect();
        var seen = client.Seal("seen"u8);
        client.SendRaw(seen);
        Assert.Equal("seen"u8, client.Receive());
        await Suspend(before, 1);
        before.Dispose();
        using var after = new DatagramBench(1, options => options with { Listen = before.Server }, snapshot: Take(1));
        client.SendRaw(seen);
        after.Until(metrics => metrics.RecordsIgnored == 1, "a repetition is a repetition");
        Assert.Equal("new", client.Echo("new"));
        Assert.Equal((7L, 7L), (after.SessionOf().BytesUp, after.SessionOf().BytesDown));
    }

    [Fact]
    public async Task A_device_that_was_revoked_meanwhile_is_left_out()
    {
        var before = new DatagramBench();
        using var kept = before.Connect("device-kept");
        using var revoked = before.Connect("device-revoked");
        await Suspend(before, 1);
        before.Dispose();
        using var after = new DatagramBench(1, options => options with { Listen = before.Server }, snapshot: Take(1, tag => tag == "device-revoked" ? null : tag));
        revoked.Send("still here?"u8);
        Assert.Equal("alive", kept.Echo("alive"));
        after.Until(metrics => metrics.UnknownConnectionId == 1, "nobody knows it");
        Assert.Equal(1, after.Metrics.Sessions);
    }

    [Fact]
    public async Task Restored_associations_are_revoked_and_grow_old_like_others()
    {
        var before = new DatagramBench();
        using var client = before.Connect();
        using var idle = before.Connect("device-idle");
        before.Time.Advance(TimeSpan.FromDays(10));
        before.Settle();
        Assert.Equal("x", client.Echo("x"));
        await Suspend(before, 1);
        before.Dispose();
        using var after = new DatagramBench(1, options => options with { Listen = before.Server }, snapshot: null);
        await after.Listener.CloseAsync();
        after.Time.Advance(TimeSpan.FromDays(15));
        using var listener = after.Shards.Listen(after.Listener.Options, Take(1));
        // Ten days of silence before the stop, five more while nobody was there, fifteen now.
        after.Time.Advance(TimeSpan.FromDays(15));
        after.Events.Wait("closed IdleTimeout");
        Bench.Until(() => after.Log.Contains("ended device-idle IdleTimeout"), "the application heard of it");
        Assert.Equal(1, after.Shards.CloseSessions(info => Equals(info.Tag, TestResolver.Device), CloseReason.Revoked));
        Assert.True(client.IsClosed());
    }

    [Fact]
    public async Task It_serves_once()
    {
        var before = new DatagramBench();
        using var client = before.Connect();
        await Suspend(before, 5);
        before.Dispose();
        var copy = File.ReadAllBytes(FileName);
        Take(5)!.Dispose();
        Assert.False(File.Exists(FileName));
        Assert.Null(Take(5));
        File.WriteAllBytes(FileName, copy);
        // The owner has raised the generation before it used the first one.
        Assert.Throws<DatagramSnapshotException>(() => Take(6));
        copy[^1] ^= 1;
        File.WriteAllBytes(FileName, copy);
        Assert.Throws<DatagramSnapshotException>(() => Take(5));
    }

    [Fact]
    public async Task Without_it_the_device_meets_silence_and_connects_anew()
    {
        var before = new DatagramBench();
        using var client = before.Connect();
        await before.Shards.StopAsync(TimeSpan.Zero);
        before.Dispose();
        using var after = new DatagramBench(1, options => options with { Listen = before.Server });
        client.Send("anybody?"u8);
        after.Until(metrics => metrics.UnknownConnectionId == 1, "an unknown id is dropped and counted");
        using var again = after.Connect();
        Assert.Equal("alive", again.Echo("alive"));
    }

    [Fact]
    public async Task A_listener_is_suspended_once_and_a_file_that_cannot_be_written_is_told()
    {
        using var bench = new DatagramBench();
        await Assert.ThrowsAsync<ArgumentException>(() => bench.Listener.SuspendAsync(Target(1) with { Key = new byte[5] }));
        await Assert.ThrowsAnyAsync<IOException>(() => bench.Listener.SuspendAsync(Target(1) with { Path = Path.Combine(_directory, "no", "such") }));
        await Assert.ThrowsAsync<InvalidOperationException>(() => bench.Listener.SuspendAsync(Target(1)));
    }

    private Task<int> Suspend(DatagramBench bench, long generation) => bench.Listener.SuspendAsync(Target(generation));

    private DatagramSnapshotTarget Target(long generation) => new()
    {
        Path = FileName,
        Key = Key,
        Generation = generation,
        SaveTag = session => Encoding.UTF8.GetBytes((string)session.Tag!),
    };

    private DatagramSnapshot? Take(long generation, Func<string, string?>? load = null) =>
        DatagramSnapshot.Take(FileName, Key, generation, tag => load is null ? Encoding.UTF8.GetString(tag.Span) : load(Encoding.UTF8.GetString(tag.Span)));
}
