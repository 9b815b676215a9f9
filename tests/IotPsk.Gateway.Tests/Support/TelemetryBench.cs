using System.Text;
using IotPsk.Gateway.Configuration;
using IotPsk.Gateway.Serving.Telemetry;
using IotPsk.TestSupport;

namespace IotPsk.Gateway.Tests.Support;

/// <summary>Telemetry on virtual time, with a state directory of its own and a broker that the test plays.</summary>
internal sealed class TelemetryBench : IAsyncDisposable
{
    private readonly string _state = Directory.CreateTempSubdirectory("iotpsk-telemetry-").FullName;

    internal TelemetryBench() => Service = new TelemetryService(_state, Time, Log);

    internal FakeTimeProvider Time { get; } = new();

    internal FakeBroker Broker { get; } = new();

    internal LogLines Log { get; } = new();

    internal TelemetryService Service { get; private set; }

    internal TelemetryConfiguration Configuration => new() { Mqtt = new EndpointAddress("tcp", "127.0.0.1", Broker.Port), TopicPrefix = "plant/a" };

    internal Task StartAsync(TelemetryConfiguration? configuration = null) => Service.ChangeAsync(Service.Prepare(configuration ?? Configuration, isNeeded: true));

    /// <summary>Ends the service and makes the next one, on the same directory.</summary>
    internal async Task RestartAsync()
    {
        await Service.DisposeAsync();
        Service = new TelemetryService(_state, Time, Log);
    }

    internal FakeBrokerConnection Accept() => Broker.Accept(Time);

    internal FakeBrokerConnection Welcome(bool sessionPresent = false)
    {
        FakeBrokerConnection connection = Accept();
        connection.Welcome(sessionPresent);
        return connection;
    }

    /// <summary>Publishes and waits until the disk has it.</summary>
    internal bool Publish(string topic, string payload, bool retain = false)
    {
        using var told = new ManualResetEventSlim();
        bool taken = false;
        Service.Publish(topic, Encoding.UTF8.GetBytes(payload), retain, ok =>
        {
            taken = ok;
            told.Set();
        });
        Assert.True(told.Wait(TimeSpan.FromSeconds(30)));
        return taken;
    }

    internal void WaitForLog(string words) => Until(() => Log.Lines.Any(line => line.Contains(words, StringComparison.Ordinal)), $"the log says: {words}");

    internal static void Until(Func<bool> condition, string what)
    {
        for (int i = 0; !condition(); i++)
        {
            Assert.True(i < 3000, what);
            Thread.Sleep(10);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Service.DisposeAsync();
        Broker.Dispose();
        Directory.Delete(_state, recursive: true);
        Assert.DoesNotContain(Log.Lines, line => line.Contains("Fault:", StringComparison.Ordinal) && !line.Contains("as the test wants", StringComparison.Ordinal));
    }
}
