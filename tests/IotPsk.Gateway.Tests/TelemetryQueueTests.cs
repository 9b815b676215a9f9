using System.Text;
using IotPsk.Gateway.Serving.Telemetry;
using IotPsk.TestSupport;
using Microsoft.Extensions.Logging.Abstractions;

namespace IotPsk.Gateway.Tests;

/// <summary>The queue on the disk: what it took is there after whatever end, in its order, and there is never more of it than allowed.</summary>
public sealed class TelemetryQueueTests : IDisposable
{
    private const long Plenty = 64 << 20;
    private readonly string _state = Directory.CreateTempSubdirectory("iotpsk-queue-").FullName;
    private readonly TelemetryCounters _counters = new();
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void What_was_taken_is_read_in_order_by_the_next_run_too()
    {
        using (TelemetryQueue queue = Open())
        {
            for (int i = 0; i < 2500; i++)
                queue.Add($"dev/{i % 7}", Text($"value {i}"), retain: i % 2 == 0, taken: null);
            Assert.True(Add(queue, "dev/last", "end"));
            Check(queue);
        }
        using TelemetryQueue next = Open();
        Assert.Equal(2501, next.Count);
        Check(next);

        static void Check(TelemetryQueue queue)
        {
            long after = 0;
            for (int i = 0; i < 2500;)
            {
                foreach (QueuedMessage message in queue.Read(after, 100, 10_000))
                {
                    if (i == 2500)
                        break;
                    Assert.Equal(($"dev/{i % 7}", $"value {i}", i % 2 == 0), (message.Topic, Encoding.UTF8.GetString(message.Payload), message.Retain));
                    Assert.True(message.Sequence > after);
                    after = message.Sequence;
                    i++;
                }
            }
            Assert.Equal("dev/last", Assert.Single(queue.Read(after, 100, 10_000)).Topic);
        }
    }

    [Fact]
    public void What_was_delivered_is_gone_and_new_messages_come_after_the_others()
    {
        using (TelemetryQueue queue = Open())
        {
            for (int i = 0; i < 10; i++)
                Assert.True(Add(queue, "t", $"{i}"));
            List<QueuedMessage> read = queue.Read(0, 4, Plenty);
            queue.Delivered(read[^1].Sequence, 4, read.Sum(Cost));
            Assert.Equal(6, queue.Count);
        }
        using TelemetryQueue next = Open();
        Assert.Equal(6, next.Count);
        Assert.True(Add(next, "t", "10"));
        Assert.Equal(["4", "5", "6", "7", "8", "9", "10"], next.Read(0, 100, Plenty).Select(Payload));
        Assert.Equal(next.Read(0, 100, Plenty).Sum(Cost), next.Bytes);
    }

    [Fact]
    public void A_message_put_aside_outlives_those_after_it()
    {
        using (TelemetryQueue queue = Open())
        {
            for (int i = 0; i < 5; i++)
                Assert.True(Add(queue, "t", $"{i}"));
            List<QueuedMessage> read = queue.Read(0, 5, Plenty);
            queue.PutAside(read[1].Sequence);
            queue.Delivered(read[^1].Sequence, 4, read.Sum(Cost) - Cost(read[1]));
        }
        using TelemetryQueue next = Open();
        Assert.Equal(["1"], next.Read(0, 100, Plenty).Select(Payload));
    }

    [Fact]
    public void A_full_queue_refuses_and_takes_again_when_something_was_delivered()
    {
        using TelemetryQueue queue = Open(limit: 100_000);
        int taken = 0;
        while (Add(queue, "t", new string('x', 1000)))
            taken++;
        Assert.InRange(taken, 90, 100);
        Assert.Equal(1, _counters[TelemetryRefusal.QueueFull]);
        List<QueuedMessage> read = queue.Read(0, taken, Plenty);
        queue.Delivered(read[^1].Sequence, taken, read.Sum(Cost));
        Until(() => Add(queue, "t", "again"), "there is room again");
        Assert.Equal(["again"], queue.Read(read[^1].Sequence, 10, Plenty).Select(Payload));
    }

    [Fact]
    public void A_full_disk_refuses_and_the_queue_recovers_when_there_is_room()
    {
        // The file may not grow beyond 64 pages here, and that is a full disk for SQLite.
        using TelemetryQueue queue = Open(limit: Plenty, file: 0);
        var taken = new List<string>();
        bool Take(int i)
        {
            if (!Add(queue, "t", $"{i} {new string('x', 4000)}"))
                return false;
            taken.Add($"{i} {new string('x', 4000)}");
            return true;
        }
        int next = 0;
        while (Take(next++))
            ;
        Assert.InRange(taken.Count, 20, 64);
        Assert.Equal(1, _counters[TelemetryRefusal.DiskFailed]);
        Assert.False(Take(next++));
        Assert.Equal(taken, queue.Read(0, 100, Plenty).Select(Payload));

        List<QueuedMessage> read = queue.Read(0, 10, Plenty);
        queue.Delivered(read[^1].Sequence, 10, read.Sum(Cost));
        Until(() =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return Take(next++);
        }, "there is room again");
        Assert.Equal(taken[10..], queue.Read(0, 100, Plenty).Select(Payload));
        Assert.Equal(taken.Count - 10, queue.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5000)]
    [InlineData(20_001)]
    public void A_torn_tail_is_cut_and_what_stands_before_it_is_there(int torn)
    {
        using TelemetryQueue queue = Open();
        for (int i = 0; i < 50; i++)
            Assert.True(Add(queue, "t", $"{i}"));
        // The disk as it would be after a power cut: what was last written did not arrive whole.
        string copy = Directory.CreateTempSubdirectory("iotpsk-torn-").FullName, log = Path.Combine(copy, "telemetry.db-wal");
        File.Copy(Path.Combine(_state, "telemetry.db"), Path.Combine(copy, "telemetry.db"));
        File.Copy(Path.Combine(_state, "telemetry.db-wal"), log);
        byte[] content = File.ReadAllBytes(log);
        content.AsSpan(content.Length - torn, Math.Min(torn, 3000)).Fill(0x55);
        File.WriteAllBytes(log, content);
        using (TelemetryStore store = TelemetryStore.Open(copy, Plenty, out string? aside))
        {
            Assert.Null(aside);
            string[] left = [.. store.Read(0, 100, Plenty).Select(Payload)];
            Assert.InRange(left.Length, 40, 49);
            Assert.Equal(Enumerable.Range(0, left.Length).Select(i => $"{i}"), left);
        }
        Directory.Delete(copy, recursive: true);
    }

    [Fact]
    public void A_message_that_is_too_large_is_refused_alone()
    {
        using TelemetryQueue queue = Open();
        Assert.False(Add(queue, "t", new string('x', TelemetryQueue.MaxMessage)));
        Assert.True(Add(queue, "t", new string('x', TelemetryQueue.MaxMessage - 100)));
        Assert.Equal(1, _counters[TelemetryRefusal.TooLarge]);
    }

    [Fact]
    public void A_damaged_file_is_put_aside_and_a_second_process_is_kept_out()
    {
        using (TelemetryQueue queue = Open())
        {
            for (int i = 0; i < 100; i++)
                Assert.True(Add(queue, "t", new string('x', 1000)));
        }
        string file = Path.Combine(_state, "telemetry.db");
        using (FileStream stream = File.OpenWrite(file))
        {
            stream.Position = 4096;
            stream.Write(new byte[16 * 4096]);
        }
        using (TelemetryStore store = TelemetryStore.Open(_state, Plenty, out string? aside))
        {
            Assert.True(File.Exists(aside));
            Assert.Equal(0, store.Found.Count);
            Assert.Contains("telemetry.db", Assert.Throws<UserError>(() => TelemetryStore.Open(_state, Plenty, out _)).Message, StringComparison.Ordinal);
        }
        TelemetryStore.Open(_state, Plenty, out string? again).Dispose();
        Assert.Null(again);
    }

    [Fact]
    public void The_client_identifier_and_the_age_of_the_oldest_message_outlive_a_restart()
    {
        string id;
        using (TelemetryStore store = TelemetryStore.Open(_state, Plenty, out _))
        {
            id = store.ClientId;
            using var queue = new TelemetryQueue(store, Plenty, _counters, _time, NullLogger.Instance);
            Assert.Equal(TimeSpan.Zero, queue.OldestAge);
            Assert.True(Add(queue, "t", "x"));
        }
        _time.Advance(TimeSpan.FromMinutes(3));
        using TelemetryQueue next = Open();
        Assert.Equal(TimeSpan.FromMinutes(3), next.OldestAge);
        next.Dispose();
        using TelemetryStore reopened = TelemetryStore.Open(_state, Plenty, out _);
        Assert.Equal(id, reopened.ClientId);
    }

    [Fact]
    public void Every_message_gets_exactly_one_answer_also_at_the_end()
    {
        TelemetryQueue queue = Open();
        int taken = 0, refused = 0;
        var adders = new Thread[4];
        for (int t = 0; t < adders.Length; t++)
        {
            adders[t] = new Thread(() =>
            {
                for (int i = 0; i < 2000; i++)
                    queue.Add("t", Text($"{i}"), retain: false, ok => Interlocked.Increment(ref ok ? ref taken : ref refused));
            });
            adders[t].Start();
        }
        Until(() => Volatile.Read(ref taken) > 100, "some are taken");
        queue.Dispose();
        Array.ForEach(adders, thread => thread.Join());
        Assert.Equal(8000, taken + refused);
        using TelemetryQueue next = Open();
        Assert.Equal(taken, next.Count);
    }

    public void Dispose() => Directory.Delete(_state, recursive: true);

    private TelemetryQueue Open(long limit = Plenty, long? file = null) =>
        new(TelemetryStore.Open(_state, file ?? limit, out _), limit, _counters, _time, NullLogger.Instance);

    private static bool Add(TelemetryQueue queue, string topic, string payload)
    {
        using var told = new ManualResetEventSlim();
        bool taken = false;
        queue.Add(topic, Text(payload), retain: false, ok =>
        {
            taken = ok;
            told.Set();
        });
        Assert.True(told.Wait(TimeSpan.FromSeconds(30)));
        return taken;
    }

    private static void Until(Func<bool> condition, string what)
    {
        for (int i = 0; !condition(); i++)
        {
            Assert.True(i < 3000, what);
            Thread.Sleep(10);
        }
    }

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    private static string Payload(QueuedMessage message) => Encoding.UTF8.GetString(message.Payload);

    private static long Cost(QueuedMessage message) => TelemetryStore.Cost(message.Topic, message.Payload.Length);
}
