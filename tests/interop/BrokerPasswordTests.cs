using System.Globalization;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>A broker on a port that wants a password of everybody, and gets the gateway's for every device.</summary>
public sealed class BrokerPasswordTests : IDisposable
{
    private const int NotAuthorized = 5;
    private readonly Lab _lab = new();
    private readonly int _port = FreePorts.Take();
    private readonly string _password = Guid.NewGuid().ToString("N");
    private readonly ChildProcess _broker;

    public BrokerPasswordTests()
    {
        string passwords = _lab.Directory.File("devices.passwd"), configuration = _lab.Directory.File("mosquitto.conf");
        // As the guide makes it: one password, a line for each user.
        File.WriteAllText(passwords, $"dev-1:{_password}\n~iotpsk:{_password}\n");
        GuardedBroker.Must("mosquitto_passwd", "-U", passwords);
        File.WriteAllText(configuration, string.Create(CultureInfo.InvariantCulture, $"""
            user root
            listener {_port} 127.0.0.1
            allow_anonymous false
            password_file {passwords}
            acl_file {Path.Combine(Repository.Root, "gateway", "mosquitto", "iotpsk-devices.acl")}
            persistence false
            log_dest stderr

            """));
        _broker = ChildProcess.Start("mosquitto", ["-c", configuration], Path.Combine(_lab.Logs, "mosquitto-password.log"));
        _broker.WaitForLine(line => line.Contains(" running", StringComparison.Ordinal), "mosquitto runs");
        _lab.Gateway.Must("fleet", "init", "--server-id", Lab.ServerId);
        _lab.Gateway.Must("device", "enroll", "dev-1");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_gateway_gets_in_for_its_devices_and_for_itself_and_who_only_knows_a_name_does_not(bool isCredentialOfService)
    {
        Start(_password, isCredentialOfService);
        CommandResult device = Publish([.. Device(), "-u", "dev-1", "-P", "whatever the device believes"]);
        Assert.True(device.ExitCode == 0, device.ToString());
        Poll.Until(() => _lab.Gateway.Metric("iotpsk_broker_connected") == 1, "the gateway's own session stands");
        foreach (string[] stranger in (string[][])[["-u", "dev-1"], ["-u", "~iotpsk"], ["-u", "dev-1", "-P", "guessed"], []])
            Assert.Equal(NotAuthorized, Publish(["-h", "127.0.0.1", "-p", Text(_port), .. stranger]).ExitCode);
    }

    [Fact]
    public void A_wrong_password_is_told_with_the_place_to_mend_it()
    {
        Start("wrong");
        _lab.Gateway.WaitForLog(0, "CONNACK 5", "Telemetry.PasswordFile");
        Assert.Equal(NotAuthorized, Publish(Device()).ExitCode);
        Assert.True(_lab.Gateway.IsHealthy());
        Assert.Equal(0, _lab.Gateway.Metric("iotpsk_broker_connected"));
    }

    public void Dispose()
    {
        _broker.Dispose();
        _lab.Dispose();
    }

    private void Start(string password, bool isCredentialOfService = false)
    {
        string file = _lab.Directory.File("mqtt-password"), broker = "tcp://127.0.0.1:" + Text(_port);
        File.WriteAllText(file, password + "\n");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        foreach (System.Text.Json.Nodes.JsonNode part in (System.Text.Json.Nodes.JsonNode[])[_lab.Gateway.Configuration["Listeners"]![0]!, _lab.Gateway.Configuration["Telemetry"]!])
        {
            if (!isCredentialOfService)
                part["PasswordFile"] = file;
        }
        // As systemd hands it over, under this very name.
        if (isCredentialOfService)
            _lab.Gateway.Environment["CREDENTIALS_DIRECTORY"] = _lab.Directory.Path;
        _lab.Gateway.Configuration["Listeners"]![0]!["Upstream"] = broker;
        _lab.Gateway.Configuration["Telemetry"]!["Mqtt"] = broker;
        _lab.Gateway.WriteConfiguration();
        _lab.Gateway.Start();
    }

    private string[] Device()
    {
        string[] csv = _lab.Gateway.Must("device", "credentials", "dev-1", "--for", "tls13", "--format", "csv").Trim().Split(',');
        return ["-h", "127.0.0.1", "-p", Text(_lab.Gateway.Port), "-i", "dev-1", "--psk-identity", csv[0], "--psk", csv[1]];
    }

    private static CommandResult Publish(string[] arguments) => GuardedBroker.Publish("iotpsk/dev-1/telemetry", "x", arguments);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
