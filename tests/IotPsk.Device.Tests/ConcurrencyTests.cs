using System.Collections.Concurrent;
using System.Text;
using IotPsk.Device.Tests.Support;

namespace IotPsk.Device.Tests;

/// <summary>Several threads at one client, over the real TLS core and TCP.</summary>
public sealed class ConcurrencyTests : ITelemetryListener, IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("iotpsk-device-").FullName;
    private readonly LiveServer _server = new();
    private readonly ConcurrentBag<int> _acknowledged = [];
    private readonly ConcurrentQueue<PskException> _lost = [];

    void ITelemetryListener.OnConnected(TlsConnectionInfo info)
    {
    }

    void ITelemetryListener.OnDisconnected(PskException problem, int retryIn) => _lost.Enqueue(problem);

    void ITelemetryListener.OnAcknowledged(int sequence) => _acknowledged.Add(sequence);

    void ITelemetryListener.OnRekeyed(int epoch, PskException problem)
    {
    }

    void ITelemetryListener.OnCommand(string name, byte[] payload)
    {
    }

    public void Dispose()
    {
        _server.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private Vault Provisioned()
    {
        var vault = new Vault(_directory);
        byte[] bundle = Credentials.Bundle("sensor-1", _server.Key, _server.Address).Encode();
        vault.Import(0, bundle, bundle.Length);
        return vault;
    }

    private static void Join(IEnumerable<Thread> threads) =>
        Assert.All(threads, thread => Assert.True(thread.Join(TimeSpan.FromSeconds(60)), "every thread comes to its end"));

    [Fact]
    public void Messages_of_many_threads_arrive_and_are_acknowledged_once_each()
    {
        using Vault vault = Provisioned();
        using var client = new TelemetryClient(vault, 0, new TelemetryOptions { WindowSize = 1000 }, this);
        var numbers = new ConcurrentBag<int>();
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(t => new Thread(() =>
        {
            for (int i = 0; i < 100; i++)
                numbers.Add(client.Send("telemetry", Encoding.UTF8.GetBytes($"{t} {i} {new string('x', 900)}")));
        }))];
        client.Start();
        foreach (Thread thread in threads)
            thread.Start();
        Join(threads);
        Assert.True(client.Flush(60000));
        client.Stop();
        Assert.Empty(_lost);
        Assert.Equal(Enumerable.Range(1, 400), numbers.Order());
        Assert.Equal(Enumerable.Range(1, 400), _acknowledged.Order());
        string[] published = [.. _server.Broker.Log.Where(line => line.StartsWith("PUBLISH", StringComparison.Ordinal))];
        Assert.Equal(400, published.Distinct().Count());
        Assert.Equal(400, published.Length);
    }

    [Fact]
    public void A_client_can_be_stopped_at_any_moment_from_any_thread()
    {
        using Vault vault = Provisioned();
        for (int round = 0; round < 20; round++)
        {
            using var client = new TelemetryClient(vault, 0, new TelemetryOptions { WindowSize = 1000 }, this);
            Thread[] threads =
            [
                new Thread(() =>
                {
                    try
                    {
                        for (; ;)
                            client.Send("telemetry", Encoding.UTF8.GetBytes(new string('x', 600)));
                    }
                    catch (PskException problem)
                    {
                        Assert.True(problem.Code is PskError.Closed or PskError.WindowFull, problem.Message);
                    }
                }),
                new Thread(client.Stop),
                new Thread(client.Stop),
            ];
            client.Start();
            threads[0].Start();
            Thread.Sleep(round);        // another moment each time: connecting, shaking hands, sending
            threads[1].Start();
            threads[2].Start();
            Join(threads);
            Assert.Equal(TelemetryState.Ended, client.State);
        }
    }
}
