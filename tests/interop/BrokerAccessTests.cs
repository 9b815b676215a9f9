using System.Globalization;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>The configuration of Mosquitto that the guide ships: nobody gets in but the gateway and who has a password, and nobody into another's branch.</summary>
public sealed class BrokerAccessTests : IDisposable
{
    private const int ConnectionRefused = 5;
    private readonly Lab _lab = new();
    private readonly GuardedBroker _broker;
    private readonly GatewayProcess _gateway;

    public BrokerAccessTests()
    {
        _broker = new GuardedBroker(_lab.Logs);
        _gateway = _lab.Gateway;
        _gateway.Configuration["Listeners"]![0]!["Upstream"] = "unix://" + _broker.Socket;
        _gateway.Configuration["Telemetry"]!["Mqtt"] = "unix://" + _broker.Socket;
        _gateway.WriteConfiguration();
        _gateway.Must("fleet", "init", "--server-id", Lab.ServerId);
        foreach (string device in (string[])["dev-1", "dev-2", "reader", "operator"])
            _gateway.Must("device", "enroll", device);
        _gateway.Start();
    }

    [Fact]
    public void Devices_are_kept_apart_also_those_that_are_called_like_a_person()
    {
        using ChildProcess reader = GuardedBroker.Subscribe("#", _broker.As("reader"));
        using ChildProcess second = GuardedBroker.Subscribe("#", Device("dev-2"));
        using ChildProcess namesake = GuardedBroker.Subscribe("#", Device("reader"));
        Assert.Equal(0, GuardedBroker.Publish("iotpsk/dev-2/telemetry", "forged", Device("dev-1")).ExitCode);
        Assert.Equal(0, GuardedBroker.Publish("iotpsk/dev-2/cmd/reboot", "forged", Device("operator")).ExitCode);
        Assert.Equal(0, GuardedBroker.Publish("iotpsk/dev-1/telemetry", "own", Device("dev-1")).ExitCode);
        Assert.Equal(0, GuardedBroker.Publish("iotpsk/dev-2/telemetry", "end", Device("dev-2")).ExitCode);
        Assert.Equal(0, GuardedBroker.Publish("iotpsk/reader/telemetry", "end", Device("reader")).ExitCode);

        reader.WaitForLine(line => line == "iotpsk/dev-1/telemetry own", "the device's own message arrives");
        reader.WaitForLine(line => line == "iotpsk/reader/telemetry end", "the last message arrives");
        second.WaitForLine(line => line == "iotpsk/dev-2/telemetry end", "a device reads below its own id");
        namesake.WaitForLine(line => line == "iotpsk/reader/telemetry end", "so does the one that is called like a person");
        Assert.Equal("iotpsk/dev-2/telemetry end", Assert.Single(Messages(second)));
        Assert.Equal("iotpsk/reader/telemetry end", Assert.Single(Messages(namesake)));
        Assert.DoesNotContain(Messages(reader), line => line.EndsWith(" forged", StringComparison.Ordinal));
    }

    [Fact]
    public void A_command_reaches_its_device_from_who_may_give_one_and_from_nobody_else()
    {
        using ChildProcess device = GuardedBroker.Subscribe("iotpsk/dev-1/cmd/#", Device("dev-1"));
        Assert.Equal(0, GuardedBroker.Publish("iotpsk/dev-1/cmd/interval", "1", _broker.As("reader")).ExitCode);
        Assert.Equal(0, GuardedBroker.Publish("iotpsk/dev-1/cmd/interval", "2", _broker.As("operator")).ExitCode);
        device.WaitForLine(line => line == "iotpsk/dev-1/cmd/interval 2", "the command arrives");
        Assert.Single(Messages(device));
    }

    [Fact]
    public void A_device_changes_its_interval_and_starts_anew_once_when_an_operator_says_so()
    {
        string bundle = _lab.Directory.File("dev-1.cred");
        _gateway.Must("device", "credentials", "dev-1", "--for", "imported", "--format", "bundle", "-o", bundle);
        using ChildProcess reader = GuardedBroker.Subscribe("iotpsk/dev-1/#", _broker.As("reader"));
        using ChildProcess device = ChildProcess.Start(Repository.Device, ["--bundle", bundle, "--vault", _lab.Directory.File("vault"), "--interval", "3600", "--json"]);
        Seen("telemetry {\"device\":\"dev-1\",\"seq\":1,", 1);
        GuardedBroker.Publish("iotpsk/dev-1/cmd/interval", "1", _broker.As("operator"));
        Seen("reply/interval {\"code\":\"2.04\"}", 1);
        Seen("telemetry {\"device\":\"dev-1\",\"seq\":2,", 1);
        GuardedBroker.Publish("iotpsk/dev-1/cmd/reboot", "", _broker.As("operator"));
        Seen("reply/reboot {\"code\":\"2.04\"}", 1);
        device.WaitForLine(line => line.Contains("\"rebooted\"", StringComparison.Ordinal), "the device starts anew");
        Seen("telemetry {\"device\":\"dev-1\",\"seq\":1,", 2);
        // It is connected again, and the broker had nothing left for it: the interval is the old one, and so it says nothing more.
        GuardedBroker.Publish("iotpsk/dev-1/cmd/interval", "0", _broker.As("operator"));
        Seen("reply/interval {\"code\":\"4.00\"", 1);
        Assert.Single(device.Lines, line => line.Contains("\"rebooted\"", StringComparison.Ordinal));

        void Seen(string message, int times) => Poll.Until(() => Messages(reader).Count(line => line.StartsWith("iotpsk/dev-1/" + message, StringComparison.Ordinal)) == times, message, reader.Tail);
    }

    [Fact]
    public void A_stranger_on_the_machine_gets_in_nowhere()
    {
        foreach (string[] stranger in (string[][])[["-u", "reader"], ["-u", "reader", "-P", "guessed"], ["-u", "dev-1"], ["-u", "~iotpsk"], []])
        {
            CommandResult result = ChildProcess.Run("mosquitto_pub",
                ["-h", "127.0.0.1", "-p", _broker.Port.ToString(CultureInfo.InvariantCulture), .. stranger, "-q", "1", "-t", "iotpsk/dev-1/telemetry", "-m", "x"]);
            Assert.True(result.ExitCode == ConnectionRefused, result.ToString());
        }
        if (!Environment.IsPrivilegedProcess)
            return;
        string[] publish = ["mosquitto_pub", "--unix", _broker.Socket, "-u", "dev-1", "-q", "1", "-t", "iotpsk/dev-1/telemetry", "-m", "x"];
        CommandResult nobody = ChildProcess.Run("setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", .. publish]);
        Assert.NotEqual(0, nobody.ExitCode);
        Assert.Contains("Permission denied", nobody.ToString(), StringComparison.Ordinal);
        CommandResult gateways = ChildProcess.Run("setpriv", ["--reuid=65534", $"--regid={GuardedBroker.Group}", "--clear-groups", .. publish]);
        Assert.True(gateways.ExitCode == 0, gateways.ToString());
    }

    [Fact]
    public void The_gateways_own_session_publishes_for_every_device_and_hears_every_command()
    {
        Poll.Until(() => _gateway.Metric("iotpsk_broker_connected") == 1, "the gateway's own session stands");
        string[] own = ["--unix", _broker.Socket, "-u", "~iotpsk"];
        using ChildProcess reader = GuardedBroker.Subscribe("#", _broker.As("reader"));
        Assert.Equal(0, GuardedBroker.Publish("iotpsk/dev-1/3303/0/5700", "21.5", own).ExitCode);
        reader.WaitForLine(line => line == "iotpsk/dev-1/3303/0/5700 21.5", "the value arrives");
        // For devices that are served here nobody has a handler: counted it is.
        Assert.Equal(0, GuardedBroker.Publish("iotpsk/dev-2/cmd/read/3/0", "", _broker.As("operator")).ExitCode);
        Poll.Until(() => _gateway.Metric("iotpsk_commands_total") == 1, "the gateway hears the command");
        using ChildProcess curious = GuardedBroker.Subscribe("#", own);
        Assert.Equal(0, GuardedBroker.Publish("iotpsk/dev-1/3303/0/5700", "private", own).ExitCode);
        Assert.Equal(0, GuardedBroker.Publish("iotpsk/dev-1/cmd/end", "", _broker.As("operator")).ExitCode);
        curious.WaitForLine(line => line.StartsWith("iotpsk/dev-1/cmd/end", StringComparison.Ordinal), "the command arrives");
        Assert.Single(Messages(curious));
    }

    public void Dispose()
    {
        _broker.Dispose();
        _lab.Dispose();
    }

    // A device: TLS-PSK through the gateway, which sets its user name.
    private string[] Device(string device)
    {
        string[] csv = _gateway.Must("device", "credentials", device, "--for", "tls13", "--format", "csv").Trim().Split(',');
        return ["-h", "127.0.0.1", "-p", _gateway.Port.ToString(CultureInfo.InvariantCulture), "-i", $"{device}/{Guid.NewGuid():N}", "--psk-identity", csv[0], "--psk", csv[1]];
    }

    private static string[] Messages(ChildProcess subscriber) =>
        [.. subscriber.Lines.Where(line => line.StartsWith("iotpsk/", StringComparison.Ordinal))];
}
