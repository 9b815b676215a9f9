using System.Net;
using IotPsk.Net.Datagrams;

namespace IotPsk.Net.Tests.Datagrams;

public class DatagramRoutingTests
{
    [Fact]
    public void With_a_connection_id_a_device_goes_on_from_another_port()
    {
        using var bench = new DatagramBench(shards: 3);
        using var client = bench.Connect();
        for (var i = 0; i < 20; i++)
        {
            client.Rebind(IPAddress.Parse($"127.0.0.{i + 1}"));
            Assert.Equal($"{i}", client.Echo($"{i}"));
            Assert.Equal(client.Local, bench.SessionOf().Remote);
        }
        Assert.Equal((1L, 20L), (bench.Metrics.HandshakesCompleted, bench.Metrics.AddressMoves));
        // The kernel steers them to the right shard; if it could not, the shards did it.
        Assert.Equal(0, bench.Metrics.HandOversDropped);
    }

    [Fact]
    public void Without_one_it_is_dropped_and_counted()
    {
        using var bench = new DatagramBench();
        using var client = bench.Connect(connectionId: false);
        var home = client.Socket;
        using var elsewhere = new DatagramClient(bench.Server);
        elsewhere.SendRaw(client.Seal("lost"u8));
        bench.Until(metrics => metrics.UnknownAddress == 1, "nobody knows the address");
        Assert.Equal("found", client.Echo("found"));
        Assert.Same(home, client.Socket);
        Assert.Equal(0, bench.Metrics.AddressMoves);
    }

    [Fact]
    public void A_datagram_that_came_to_another_shard_is_passed_on()
    {
        using var bench = new DatagramBench(shards: 3);
        using var client = bench.Connect();
        var session = bench.SessionOf();
        var wrong = bench.Shards.Shards[(session.Shard + 1) % 3];
        var source = PeerAddress.From(client.Local);
        for (var i = 0; i < 3; i++)
        {
            var datagram = client.Seal("passed on"u8);
            wrong.Loop.TryPost(new IotPsk.Net.Reactor.DelegateWork(() => wrong.Endpoints[0].Receive(datagram, source)));
            Assert.Equal("passed on"u8, client.Receive());
        }
        Assert.Equal(3, bench.Metrics.HandedOver);
    }

    [Fact]
    public void What_is_passed_on_is_bounded()
    {
        using var bench = new DatagramBench(shards: 2);
        using var client = bench.Connect();
        var session = bench.SessionOf();
        var wrong = bench.Shards.Shards[1 - session.Shard];
        var datagram = client.Seal("flood"u8);
        using var busy = new ManualResetEventSlim();
        session.TryPost(_ => busy.Wait());
        wrong.Loop.TryPost(new IotPsk.Net.Reactor.DelegateWork(() =>
        {
            for (var i = 0; i < HandOverPool.Most + 50; i++) wrong.Endpoints[0].Receive(datagram, PeerAddress.From(client.Local));
        }));
        bench.Until(metrics => metrics.HandOversDropped == 50, "no more are on their way");
        busy.Set();
        Assert.Equal("flood"u8, client.Receive());
        Assert.Equal("alive", client.Echo("alive"));
    }

    [Fact]
    public void Two_devices_may_swap_their_addresses()
    {
        using var bench = new DatagramBench();
        using var first = bench.Connect("device-a");
        using var second = bench.Connect("device-b");
        first.Swap(second);
        Assert.Equal("first", first.Echo("first"));
        Assert.Equal("second", second.Echo("second"));
        Assert.Equal(2, bench.Metrics.Sessions);
        Assert.Equal(first.Local, bench.SessionOf("device-a").Remote);
        Assert.Equal(second.Local, bench.SessionOf("device-b").Remote);
    }

    [Fact]
    public void A_record_that_is_not_the_newest_or_was_seen_moves_nothing()
    {
        using var bench = new DatagramBench();
        using var client = bench.Connect();
        using var elsewhere = new DatagramClient(bench.Server);
        var late = client.Seal("late"u8);
        var seen = client.Seal("seen"u8);
        client.SendRaw(seen);
        Assert.Equal("seen"u8, client.Receive());
        elsewhere.SendRaw(seen);
        elsewhere.SendRaw(late);
        // It is taken, but answered where the device is known to be.
        Assert.Equal("late"u8, client.Receive());
        Assert.Equal(0, bench.Metrics.AddressMoves);
        Assert.Equal(client.Local, bench.SessionOf().Remote);
    }

    [Fact]
    public void A_forged_record_moves_nothing()
    {
        using var bench = new DatagramBench();
        using var client = bench.Connect();
        using var elsewhere = new DatagramClient(bench.Server);
        var forged = client.Seal("forged"u8);
        forged[^1] ^= 1;
        elsewhere.SendRaw(forged);
        bench.Until(metrics => metrics.RecordsIgnored == 1, "it is dropped");
        Assert.Equal((0L, client.Local), (bench.Metrics.AddressMoves, bench.SessionOf().Remote));
        Assert.Equal("alive", client.Echo("alive"));
    }

    [Fact]
    public void Unknown_cut_and_oversized_datagrams_are_dropped_each_under_its_name()
    {
        using var bench = new DatagramBench();
        using var client = bench.Connect();
        var good = client.Seal("x"u8);
        var unknown = (byte[])good.Clone();
        unknown[14] ^= 1;
        var otherNode = (byte[])good.Clone();
        otherNode[11] ^= 1;
        client.SendRaw(unknown);
        client.SendRaw(otherNode);
        for (var length = 0; length < good.Length; length++) client.SendRaw(good.AsSpan(0, length));
        client.SendRaw(new byte[DatagramEndpoint.LargestDatagram + 1]);
        client.SendRaw([99, .. new byte[40]]);
        bench.Until(metrics => metrics.Oversized == 1, "they were all taken");
        Assert.Equal("alive", client.Echo("alive"));
        Assert.Equal(2, bench.Metrics.UnknownConnectionId);
        Assert.True(bench.Metrics.Malformed >= good.Length, $"{bench.Metrics.Malformed} were malformed.");
        Assert.Equal(1, bench.Metrics.Sessions);
    }

    [Fact]
    public void Noise_harms_nobody()
    {
        using var bench = new DatagramBench();
        using var client = bench.Connect();
        var random = new Random(20261121);
        var good = client.Seal("template"u8);
        for (var i = 0; i < 5000; i++)
        {
            var noise = new byte[random.Next(1, 200)];
            random.NextBytes(noise);
            if (i % 2 == 0) noise = [.. good.AsSpan(0, Math.Min(good.Length, noise.Length)), .. noise];
            noise[random.Next(Math.Min(good.Length, noise.Length))] ^= (byte)random.Next(1, 256);
            client.SendRaw(noise);
            if (i % 100 == 0) Assert.Equal("alive", client.Echo("alive"));
        }
        Assert.Equal("alive", client.Echo("alive"));
        Assert.Empty(bench.Events.Faults);
    }

    [Fact]
    public void A_device_whose_port_is_closed_disturbs_no_other()
    {
        using var bench = new DatagramBench();
        using var client = bench.Connect();
        var gone = bench.Connect("device-gone");
        var session = bench.SessionOf("device-gone");
        gone.Dispose();
        for (var i = 0; i < 10; i++)
        {
            Assert.True(DatagramBench.On(session, each => each.Send("anybody there?"u8)));
            Assert.Equal("alive", client.Echo("alive"));
        }
        Assert.Equal(2, bench.Metrics.Sessions);
    }
}
