using System.Net;
using System.Net.Sockets;
using IotPsk.Net.Tests.Support;

namespace IotPsk.Net.Tests.Datagrams;

public class DatagramFloodTests
{
    private static readonly long Hellos = Environment.GetEnvironmentVariable("IOTPSK_LONG") is null ? 50_000 : 1_000_000;

    [Fact]
    public async Task Hellos_from_everywhere_cost_no_memory_and_no_key_and_a_device_connects_meanwhile()
    {
        using var bench = new DatagramBench();
        using var template = new DatagramClient(bench.Server);
        template.Start();
        template.ReceiveRaw();
        using var early = bench.Connect("device-early");
        using var sockets = new Disposables(Sources(out var sources));
        var hello = HelloOf(bench.Server);
        var target = bench.Server.Serialize();
        var asked = bench.Metrics.PskRequests;
        // Once before, so that everything is compiled and the collector has its room.
        Flood(sources, hello, target, Hellos);
        for (var i = 0; i < 200; i++) early.EchoAnyway("alive");
        var managed = GC.GetTotalMemory(forceFullCollection: true);
        var working = WorkingSet();
        var flood = Task.Run(() => Flood(sources, hello, target, Hellos));
        using var client = bench.Connect("device-meanwhile");
        Assert.Equal("alive", client.EchoAnyway("alive"));
        while (!flood.IsCompleted) Assert.Equal("alive", early.EchoAnyway("alive"));
        await flood;
        bench.Settle();
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - managed, long.MinValue, 1_000_000);
        // Below a million the process's own ups and downs are larger than what is looked for.
        if (Hellos >= 1_000_000) Assert.InRange(WorkingSet() - working, long.MinValue, 5_000_000);
        // What the kernel dropped is not the endpoint's to answer; the rest was, one for one.
        Assert.InRange(bench.Metrics.CookiesSent, Hellos / 20, (2 * Hellos) + 10);
        Assert.Equal(asked + 1, bench.Metrics.PskRequests);
        Assert.Equal((0, 2L), (bench.Listener.Gate.HalfOpen, bench.Metrics.Sessions));
    }

    [Fact]
    public async Task A_hello_without_cookie_allocates_nothing()
    {
        using var bench = new DatagramBench();
        var hello = HelloOf(bench.Server);
        var source = IotPsk.Net.Datagrams.PeerAddress.From(new IPEndPoint(IPAddress.Loopback, 9));
        var shard = bench.Shards.Shards[0];
        var result = new TaskCompletionSource<(long Allocated, int Sent)>(TaskCreationOptions.RunContinuationsAsynchronously);
        shard.Loop.TryPost(new IotPsk.Net.Reactor.DelegateWork(() =>
        {
            // What happens once on a busy machine is not what a hello costs: that would show in every round.
            var (allocated, sent) = (long.MaxValue, 0);
            for (var round = 0; round < 100 && allocated > 0; round++)
            {
                if (round > 0) Thread.Sleep(20);
                var before = GC.GetAllocatedBytesForCurrentThread();
                for (var i = 0; i < 1000; i++, sent++)
                {
                    hello[40] = (byte)i;
                    shard.Endpoints[0].Receive(hello, source);
                }
                allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            }
            result.SetResult((allocated, sent));
        }));
        var (least, hellos) = await result.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(0, least);
        Assert.Equal(hellos, bench.Metrics.CookiesSent);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_record_and_its_answer_allocate_nothing(bool connectionId)
    {
        using var bench = new DatagramBench();
        var allocated = new List<long>(1000);
        var message = "sixty-four bytes of telemetry, which is what a device would send"u8.ToArray();
        bench.Applications[0].OnRaw = (session, plaintext) =>
        {
            allocated.Add(GC.GetAllocatedBytesForCurrentThread());
            session.Send(plaintext);
        };
        using var client = bench.Connect(connectionId: connectionId);
        for (var i = 0; i < 300; i++)
        {
            client.Send(message);
            Assert.Equal(message, client.Receive());
        }
        Assert.Equal(0, allocated[^1] - allocated[100]);
    }

    private static byte[] HelloOf(IPEndPoint server)
    {
        using var client = new DatagramClient(server);
        client.Dtls.Continue(Environment.TickCount64);
        return client.NextFlight();
    }

    private static List<Socket> Sources(out List<Socket> sources) =>
        sources = [.. Enumerable.Range(0, 200).Select(i =>
        {
            // Answers are not read: their buffers are small, and what does not fit is dropped there.
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 1 };
            socket.Bind(new IPEndPoint(IPAddress.Parse($"127.1.{i}.1"), 0));
            return socket;
        })];

    private static void Flood(List<Socket> sources, byte[] template, SocketAddress server, long count)
    {
        var hello = (byte[])template.Clone();
        for (var i = 0L; i < count; i++)
        {
            BitConverter.TryWriteBytes(hello.AsSpan(40), i);
            sources[(int)(i % sources.Count)].SendTo(hello, SocketFlags.None, server);
        }
    }

    private static long WorkingSet()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        return Environment.WorkingSet;
    }
}
