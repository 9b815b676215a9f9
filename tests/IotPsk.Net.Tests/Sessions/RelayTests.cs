using System.Net.Sockets;
using IotPsk.Net.Tests.Support;
using IotPsk.Tls;

namespace IotPsk.Net.Tests.Sessions;

public class RelayTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(16 * 1024)]
    [InlineData(16 * 1024 + 1)]
    [InlineData(3_000_000)]
    public async Task Bytes_arrive_whole_and_in_order_both_ways(int length)
    {
        using var bench = new Bench();
        using var client = bench.Connect();
        var sent = Patterns.Make(length, seed: length);
        var sending = Task.Run(() => client.Send(sent));
        Assert.Equal(sent, client.Receive(length));
        await sending;
    }

    [Theory]
    [InlineData(64)]
    [InlineData(512)]
    public async Task A_client_that_takes_small_records_gets_everything_in_small_records(int limit)
    {
        using var bench = new Bench();
        using var client = new TestClient(bench.Server, new PskTlsClient(new PskTlsClientOptions
        {
            Credentials = [TestTls.Credential(TestResolver.Device, TestResolver.Key)],
            RecordSizeLimit = limit,
        }));
        Assert.Null(client.Handshake());
        var sent = Patterns.Make(700_000, seed: limit);
        var sending = Task.Run(() => client.Send(sent));
        Assert.Equal(sent, client.Receive(sent.Length));
        await sending;
    }

    [Fact]
    public void An_idle_session_holds_no_buffer()
    {
        using var bench = new Bench();
        using var client = bench.Connect();
        client.Echo(new string('x', 100_000));
        Bench.Until(() => bench.Shards.ReadMetrics().BufferedBytes == 0, "no buffer is held");
    }

    [Fact]
    public void A_client_that_does_not_read_stops_the_reading_of_the_upstream_and_loses_nothing()
    {
        using var bench = new Bench(echo: false);
        using var client = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        var total = SendUntilBlocked(upstream, out var sent);
        // Kernel buffers aside, one read's worth at most is held here.
        Assert.InRange(bench.Shards.ReadMetrics().BufferedBytes, 1, 288 * 1024);
        Assert.True(bench.Shards.ReadMetrics().Blocked > 0);
        Assert.Equal(sent, client.Receive(total));
        Bench.Until(() => bench.Shards.ReadMetrics().BufferedBytes == 0, "the buffer is given back");
        upstream.Send("more"u8);
        Assert.Equal("more"u8, client.Receive(4));
    }

    [Fact]
    public void When_many_are_blocked_each_holds_one_record_at_most()
    {
        using var bench = new Bench(echo: false);
        var shard = bench.Shards.Shards[0];
        var others = new List<byte[]>();
        shard.Loop.TryPost(new Net.Reactor.DelegateWork(() =>
        {
            for (var i = 0; i < 64; i++) others.Add(shard.Pool.Rent(256 * 1024));
        }));
        bench.Settle();
        var before = bench.Shards.ReadMetrics().BufferedBytes;
        using var client = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        var total = SendUntilBlocked(upstream, out var sent);
        Assert.InRange(bench.Shards.ReadMetrics().BufferedBytes - before, 1, 17 * 1024);
        Assert.Equal(sent, client.Receive(total));
        shard.Loop.TryPost(new Net.Reactor.DelegateWork(() => others.ForEach(shard.Pool.Return)));
        bench.Settle();
    }

    [Fact]
    public async Task A_client_that_asks_for_new_keys_and_does_not_take_the_answers_is_not_read()
    {
        const int requests = 300;
        using var bench = new Bench(echo: false);
        using var client = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        var total = SendUntilBlocked(upstream, out var sent);
        for (var i = 0; i < requests; i++)
        {
            client.Tls.UpdateKeys(requestPeer: true);
            client.Send([(byte)i]);
            bench.Settle();
        }
        // Each answer would wait here: what the client says next stays in the kernel.
        Assert.InRange(Assert.Single(await bench.Shards.GetSessionsAsync()).BytesUp, 0, requests / 10);
        Assert.Equal(sent, client.Receive(total));
        Assert.Equal([.. Enumerable.Range(0, requests).Select(i => (byte)i)], TestUpstream.Read(upstream, requests));
        upstream.Send("more"u8);
        Assert.Equal("more"u8, client.Receive(4));
    }

    [Fact]
    public void An_upstream_that_does_not_read_stops_the_reading_of_the_client_and_loses_nothing()
    {
        using var bench = new Bench(echo: false);
        using var client = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        client.Socket.SendTimeout = 200;
        var sent = new MemoryStream();
        var part = Patterns.Make(256 * 1024, seed: 5);
        var leftover = 0;
        try
        {
            while (true)
            {
                sent.Write(part);
                leftover = part.Length;
                client.Send(part);
            }
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.TimedOut)
        {
            // Some of the last part is in the kernel, and half a record is lost with the blocking send: what arrived before counts.
        }
        bench.Settle();
        Assert.InRange(bench.Shards.ReadMetrics().BufferedBytes, 1, 80 * 1024 + 17 * 1024);
        var whole = (int)sent.Length - leftover;
        Assert.Equal(sent.ToArray()[..whole], TestUpstream.Read(upstream, whole));
        Bench.Until(() => bench.Shards.ReadMetrics().BufferedBytes <= 17 * 1024, "only the partial record is kept");
    }

    [Fact]
    public void Other_sessions_pass_while_one_is_blocked()
    {
        using var bench = new Bench(echo: false);
        using var blocked = bench.Connect();
        using var flooding = bench.Upstream.Accept();
        SendUntilBlocked(flooding, out _);
        using var other = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        upstream.Send("fine"u8);
        Assert.Equal("fine"u8, other.Receive(4));
    }

    [Fact]
    public async Task A_thousand_sessions_at_once_each_get_their_own_bytes()
    {
        const int sessions = 1000;
        using var bench = new Bench(shards: 2);
        var clients = new TestClient[sessions];
        await Parallel.ForAsync(0, sessions, new ParallelOptions { MaxDegreeOfParallelism = 16 }, (i, _) =>
        {
            clients[i] = TestClient.Connected(bench.Server, $"device-{i}~1");
            return ValueTask.CompletedTask;
        });
        bench.Events.Wait("connected", sessions);
        Assert.Equal(sessions, bench.Shards.ReadMetrics().Sessions);
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < sessions; i++) clients[i].Send(Patterns.Make(500 + i, seed: i + round));
            for (var i = 0; i < sessions; i++) Assert.Equal(Patterns.Make(500 + i, seed: i + round), clients[i].Receive(500 + i));
        }
        var infos = await bench.Shards.GetSessionsAsync();
        Assert.Equal(sessions, infos.Select(info => info.Id).Distinct().Count());
        Assert.Equal(sessions, infos.Select(info => info.Tag).Distinct().Count());
        Assert.All(infos, info => Assert.Equal(info.BytesUp, info.BytesDown));
        foreach (var client in clients) client.Dispose();
        Bench.Until(() => bench.Shards.ReadMetrics().Connections == 0, "all sessions are gone");
    }

    [Fact]
    public void Relaying_allocates_nothing()
    {
        using var bench = new Bench();
        using var client = bench.Connect();
        var loop = bench.Shards.Shards[0].Loop;
        for (var i = 0; i < 200; i++) client.Echo("warm up");
        var before = AllocatedOn(loop);
        for (var i = 0; i < 1000; i++) client.Echo("a request of some sixty-four bytes, as a telemetry device sends");
        var perRequest = (AllocatedOn(loop) - before) / 1000.0;
        // The measurement posts one work item; tiered compilation may add its own on another thread.
        Assert.InRange(perRequest, 0, 1);
    }

    private static long AllocatedOn(Net.Reactor.EventLoop loop)
    {
        var result = new TaskCompletionSource<long>();
        loop.TryPost(new Net.Reactor.DelegateWork(() => result.SetResult(GC.GetAllocatedBytesForCurrentThread())));
        if (!result.Task.Wait(TimeSpan.FromSeconds(30))) throw new TimeoutException("The loop does not answer.");
        return result.Task.GetAwaiter().GetResult();
    }

    private static int SendUntilBlocked(Socket socket, out byte[] sent)
    {
        var all = new MemoryStream();
        var part = Patterns.Make(64 * 1024, seed: 3);
        socket.Blocking = false;
        var quiet = 0;
        while (quiet < 20)
        {
            try
            {
                var count = socket.Send(part);
                all.Write(part, 0, count);
                quiet = 0;
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.WouldBlock)
            {
                quiet++;
                Thread.Sleep(10);
            }
        }
        socket.Blocking = true;
        sent = all.ToArray();
        return sent.Length;
    }
}
