using System.Globalization;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>The broker's rules that the other tests, the demo and the guide rest on.</summary>
public sealed class BrokerRulesTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly Broker _broker;

    public BrokerRulesTests() => _broker = new Broker(_directory.Create("broker"), Repository.LogDirectory("broker-rules"));

    [Fact]
    public void A_device_writes_below_its_own_name_and_nobody_without_a_name_writes_at_all()
    {
        using ChildProcess subscriber = _broker.Subscribe("#");
        Publish("iotpsk/dev-2/telemetry", "forged", "dev-1");
        Publish("iotpsk/dev-1/telemetry", "anonymous", user: null);
        Publish("iotpsk/dev-1/telemetry", "own", "dev-1");

        subscriber.WaitForLine(line => line == "iotpsk/dev-1/telemetry own", "the device's own message arrives");
        Assert.DoesNotContain(subscriber.Lines, line => line.EndsWith(" forged", StringComparison.Ordinal) || line.EndsWith(" anonymous", StringComparison.Ordinal));
    }

    public void Dispose()
    {
        _broker.Dispose();
        _directory.Dispose();
    }

    private void Publish(string topic, string payload, string? user)
    {
        string[] name = user is null ? [] : ["-u", user];
        ChildProcess.Run("mosquitto_pub",
            ["-h", "127.0.0.1", "-p", _broker.Port.ToString(CultureInfo.InvariantCulture), .. name, "-q", "1", "-t", topic, "-m", payload]);
    }
}
