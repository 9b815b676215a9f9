using System.Net;
using IotPsk.Net.Tests.Support;
using IotPsk.TestSupport;
using IotPsk.Tls;

namespace IotPsk.Net.Tests.Datagrams;

public class DatagramChaosTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Whatever_devices_and_owner_do_in_whatever_order_the_tables_stay_right(int seed)
    {
        var random = new Random(seed);
        using var bench = new DatagramBench(shards: 3, options => options with { Limits = new DatagramLimits { Associations = 25 } });
        var clients = new List<DatagramClient>();
        for (var step = 0; step < 400; step++)
        {
            var client = clients.Count > 0 ? clients[random.Next(clients.Count)] : null;
            switch (random.Next(10))
            {
                case 0 or 1 or 2 when clients.Count < 40:
                    clients.Add(bench.Connect($"device-{random.Next(30)}", connectionId: random.Next(4) > 0));
                    break;
                case 3 when client is not null:
                    client.Rebind();
                    break;
                case 4 when client is not null:
                    client.Swap(clients[random.Next(clients.Count)]);
                    break;
                case 5 when client is not null:
                    Reboot(bench, clients, client, random);
                    break;
                case 6 when client is not null:
                    var goodbye = new byte[4096];
                    client.Dtls.Shutdown(goodbye, out var written);
                    client.SendRaw(goodbye.AsSpan(0, written));
                    break;
                case 7:
                    await bench.Shards.CloseSessionsAsync(session => Equals(session.Tag, $"device-{step % 30}"), CloseReason.Revoked);
                    break;
                case 8:
                    bench.Time.Advance(TimeSpan.FromSeconds(random.Next(90)));
                    break;
                default:
                    if (client is { Dtls.IsConnected: true }) client.Send("x"u8);
                    break;
            }
        }
        bench.Settle();
        foreach (var session in await bench.Shards.GetSessionsAsync()) await bench.Shards.CloseSessionAsync(session.Id, CloseReason.Administrative);
        Assert.Empty(await bench.Shards.GetSessionsAsync());
        Assert.Empty(bench.Events.Faults);
        Assert.Equal(bench.Log.Count(line => line.StartsWith("opened", StringComparison.Ordinal)), bench.Log.Count(line => line.StartsWith("ended", StringComparison.Ordinal)));
        Assert.Equal((bench.Metrics.SessionsOpened, bench.Metrics.HandshakesCompleted), (bench.Metrics.SessionsClosed, bench.Metrics.SessionsOpened));
        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task On_a_network_that_loses_a_fifth_each_way_everybody_connects_in_the_end()
    {
        var events = new TestEvents();
        using var shards = new ShardSet(new NetLimits(), new TestResolver(), TimeProvider.System, events, 2);
        using var listener = shards.Listen(new DatagramListenerOptions
        {
            Name = "lossy",
            Listen = new IPEndPoint(IPAddress.Loopback, 0),
            Dtls = new PskDtlsServerOptions { RetransmissionTimer = 100, MaxRetransmissions = 20 },
            Application = _ => new Echo(),
        });
        using var relay = new UdpRelay(listener.EndPoint, new Impairment { Loss = 0.2, Duplication = 0.1, Reordering = 0.1, Mtu = 600 }, seed: 20);
        await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(() =>
        {
            using var client = new DatagramClient(relay.EndPoint, $"device-{i}", connectionId: i % 2 == 0, retransmissionTimer: 100);
            Assert.Null(client.Handshake());
            Assert.Equal($"I am {i}", client.EchoAnyway($"I am {i}"));
        })));
        Assert.Equal(16, shards.ReadDatagramMetrics().Sessions);
        Assert.Empty(events.Faults);
    }

    /// <summary>The device lost its state, and perhaps another one is at its address now.</summary>
    private static void Reboot(DatagramBench bench, List<DatagramClient> clients, DatagramClient client, Random random)
    {
        var reborn = new DatagramClient(bench.Server, $"device-{random.Next(30)}", connectionId: random.Next(4) > 0);
        client.Drain();
        client.Swap(reborn);
        Assert.Null(reborn.Handshake());
        clients.Remove(client);
        clients.Add(reborn);
        client.Dispose();
    }

    private sealed class Echo : IDatagramApplication
    {
        public void Received(DatagramSession session, ReadOnlySpan<byte> plaintext) => session.Send(plaintext);
    }
}
