using System.Diagnostics;
using System.Text.Json.Nodes;
using IotPsk.Device.Host;
using IotPsk.Device.Tests.Support;

namespace IotPsk.Device.Tests;

/// <summary>The program <c>iotpsk-device</c>, in this process, over the real TLS core and TCP.</summary>
public sealed class HostCommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("iotpsk-device-").FullName;
    private readonly LiveServer _server = new();
    private readonly StringWriter _output = new(), _errors = new();

    private string Vault => Path.Combine(_directory, "vault");

    private string Bundles => Directory.CreateDirectory(Path.Combine(_directory, "bundles")).FullName;

    private string[] ErrorLines => _errors.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public void Dispose()
    {
        _server.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private string Bundle(string device, byte[]? key = null, string? address = null)
    {
        string file = Path.Combine(Bundles, device + ".cred");
        File.WriteAllBytes(file, Credentials.Bundle(device, key ?? _server.Key, address ?? _server.Address).Encode());
        return file;
    }

    private int Run(params string[] arguments)
    {
        _output.GetStringBuilder().Clear();
        _errors.GetStringBuilder().Clear();
        return HostCommand.Run(arguments, _output, _errors);
    }

    private JsonNode[] Events(string device) =>
        [.. _output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!).Where(e => e["device"]!.GetValue<string>() == device)];

    private static string[] Names(JsonNode[] events) => [.. events.Select(e => e["event"]!.GetValue<string>())];

    [Fact]
    public void Every_credential_of_a_directory_becomes_a_device_that_delivers()
    {
        Bundle("sensor-1");
        Bundle("sensor-2");
        Assert.Equal(0, Run("--bundle", Bundles, "--vault", Vault, "--count", "2", "--interval", "0", "--once", "--json"));
        Assert.Empty(ErrorLines);
        foreach (string device in (string[])["sensor-1", "sensor-2"])
        {
            JsonNode[] events = Events(device);
            Assert.Equal(["connected", "acknowledged", "acknowledged", "done"], Names(events));
            JsonNode connected = events[0];
            Assert.Equal(("TLSv1.3", "TLS_AES_128_GCM_SHA256", "psk_dhe_ke", true, 1), (connected["version"]!.GetValue<string>(), connected["suite"]!.GetValue<string>(),
                connected["keyExchange"]!.GetValue<string>(), connected["imported"]!.GetValue<bool>(), connected["epoch"]!.GetValue<int>()));
            Assert.InRange(connected["handshakeBytesSent"]!.GetValue<int>(), 200, 1000);
            Assert.InRange(connected["handshakeBytesReceived"]!.GetValue<int>(), 200, 1000);
            Assert.Equal([1, 2], events[1..3].Select(e => e["seq"]!.GetValue<int>()));
            Assert.Equal((2, true), (events[3]["acknowledged"]!.GetValue<int>(), events[3]["complete"]!.GetValue<bool>()));
        }
        string[] log = [.. _server.Broker.Log];
        Assert.Equal(4, log.Count(line => line.StartsWith("PUBLISH iotpsk/sensor-", StringComparison.Ordinal)));
        Assert.Equal(2, log.Count(line => line == "DISCONNECT"));
    }

    [Theory]
    [InlineData("--count")]
    [InlineData("--interval")]
    public void A_number_that_is_none_is_told_in_our_words(string option)
    {
        Assert.Equal(2, Run("--vault", Vault, option, "many"));
        Assert.Contains($"\"many\" is no number for {option}; ", Assert.Single(ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void Many_devices_in_one_process_do_not_disturb_each_other()
    {
        string[] devices = [.. Enumerable.Range(1, 40).Select(i => $"sensor-{i:000}")];
        Assert.All(devices, device => Bundle(device));
        Assert.Equal(0, Run("--bundle", Bundles, "--vault", Vault, "--count", "5", "--interval", "0", "--once", "--json"));
        Assert.Empty(ErrorLines);
        Assert.All(devices, device => Assert.Equal([1, 2, 3, 4, 5], Events(device).Where(e => e["event"]!.GetValue<string>() == "acknowledged").Select(e => e["seq"]!.GetValue<int>())));
        string[] published = [.. _server.Broker.Log.Where(line => line.StartsWith("PUBLISH", StringComparison.Ordinal))];
        Assert.Equal(200, published.Distinct().Count());
        Assert.All(published, line => Assert.Contains($"\"device\":\"{line.Split('/')[1]}\"", line, StringComparison.Ordinal));
    }

    [Fact]
    public void One_device_that_fails_does_not_stop_the_others_and_is_told()
    {
        byte[] wrong = new byte[32];
        wrong[31] = 1;
        Bundle("sensor-1", wrong);
        Bundle("sensor-2");
        Assert.Equal(1, Run("--bundle", Bundles, "--vault", Vault, "--count", "1", "--once", "--json"));
        string line = Assert.Single(ErrorLines);
        Assert.StartsWith("iotpsk-device: sensor-1: refused: ", line, StringComparison.Ordinal);
        Assert.Contains("decrypt_error", line, StringComparison.Ordinal);
        Assert.Equal(["failed", "done"], Names(Events("sensor-1")));
        Assert.Equal("refused", Events("sensor-1")[0]["reason"]!.GetValue<string>());
        Assert.Equal(["connected", "acknowledged", "done"], Names(Events("sensor-2")));
    }

    [Fact]
    public void With_QoS_0_messages_are_sent_and_nobody_acknowledges_them()
    {
        _server.Broker.Acknowledges = false;
        Assert.Equal(0, Run("--bundle", Bundle("sensor-1"), "--vault", Vault, "--count", "3", "--interval", "0", "--qos", "0", "--once", "--json"));
        Assert.Equal(["connected", "done"], Names(Events("sensor-1")));
        Assert.Equal((0, true), (Events("sensor-1")[1]["acknowledged"]!.GetValue<int>(), Events("sensor-1")[1]["complete"]!.GetValue<bool>()));
        Assert.Equal(3, Enumerable.Range(0, 6).Count(_ => _server.Broker.Take().StartsWith("PUBLISH", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(2, "mqtt refused: ", "CONNACK 2, the client id is not allowed")]
    [InlineData(3, "mqtt unavailable: ", "CONNACK 3")]
    [InlineData(5, "mqtt refused: ", "CONNACK 5, not authorised")]
    public void A_refusal_of_the_broker_is_told_with_its_reason(byte connAck, string name, string reason)
    {
        _server.Broker.ConnAck = connAck;
        Assert.Equal(1, Run("--bundle", Bundle("sensor-1"), "--vault", Vault, "--count", "1", "--once"));
        Assert.StartsWith("iotpsk-device: sensor-1: " + name, Assert.Single(ErrorLines), StringComparison.Ordinal);
        Assert.Contains(reason, ErrorLines[0], StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_where_nobody_answers_is_told()
    {
        using var gone = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        gone.Start();
        string address = gone.LocalEndpoint.ToString()!;
        gone.Stop();
        Assert.Equal(1, Run("--bundle", Bundle("sensor-1", address: address), "--vault", Vault, "--count", "1", "--once"));
        Assert.Equal($"iotpsk-device: sensor-1: unreachable: nothing answers at the address of the server; connecting to {address}", Assert.Single(ErrorLines));
    }

    [Fact]
    public void A_credential_stays_in_the_vault_and_its_file_goes_only_when_that_is_asked_for()
    {
        string file = Bundle("sensor-1");
        Assert.Equal(0, Run("--bundle", file, "--vault", Vault, "--count", "1", "--once"));
        Assert.True(File.Exists(file));
        Assert.Equal(0, Run("--bundle", file, "--vault", Vault, "--count", "1", "--once", "--erase-bundle"));
        Assert.False(File.Exists(file));
        Assert.Equal(0, Run("--vault", Vault, "--count", "1", "--once", "--json"));
        Assert.Equal(["connected", "acknowledged", "done"], Names(Events("sensor-1")));
    }

    [Fact]
    public void A_new_credential_takes_the_place_of_the_old_one_and_devices_keep_their_slots()
    {
        Assert.Equal(1, Run("--bundle", Bundle("sensor-1", address: "127.0.0.1:1"), "--vault", Vault, "--count", "1", "--once"));
        Assert.Equal(0, Run("--bundle", Bundle("sensor-2"), "--vault", Vault, "--count", "1", "--once"));
        Assert.Equal(0, Run("--bundle", Bundle("sensor-1"), "--vault", Vault, "--count", "1", "--once"));
        Assert.Equal(2, Directory.GetFiles(Vault, "slot-*.cred").Length);
        using var vault = new Vault(Vault);
        Assert.Equal(["sensor-1", "sensor-2"], [vault.Describe(0).DeviceId, vault.Describe(1).DeviceId]);
    }

    [Fact]
    public void A_file_that_is_no_credential_is_named_and_nothing_is_erased()
    {
        string file = Path.Combine(Bundles, "notes.txt");
        File.WriteAllText(file, "buy milk");
        Assert.Equal(1, Run("--bundle", Bundles, "--vault", Vault, "--count", "1", "--erase-bundle"));
        Assert.StartsWith($"iotpsk-device: the file is no credential; {file}; ", Assert.Single(ErrorLines), StringComparison.Ordinal);
        Assert.Equal("buy milk", File.ReadAllText(file));
    }

    [Fact]
    public void A_vault_that_cannot_be_is_named()
    {
        string file = Path.Combine(_directory, "file");
        File.WriteAllText(file, "");
        Assert.Equal(1, Run("--vault", file, "--count", "1"));
        Assert.StartsWith($"iotpsk-device: the vault cannot be opened; {file}; ", Assert.Single(ErrorLines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--count", "-1")]
    [InlineData("--interval", "-1")]
    [InlineData("--interval", "x")]
    [InlineData("--count", "x")]
    [InlineData("--count", "99999999999")]
    [InlineData("--interval", "NaN")]
    [InlineData("--qos", "2")]
    [InlineData("--qos", "x")]
    [InlineData("--frob", "1")]
    public void A_wrong_command_line_is_told_before_anything_is_done(string option, string value)
    {
        Assert.Equal(2, Run("--vault", Vault, option, value));
        Assert.All(ErrorLines, line => Assert.StartsWith("iotpsk-device: ", line, StringComparison.Ordinal));
        Assert.NotEmpty(ErrorLines);
        Assert.False(Directory.Exists(Vault));
    }

    [Fact]
    public void A_missing_native_library_is_told_with_the_way_to_make_it()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal) ? Environment.ProcessPath : "dotnet",
            [Path.Combine(AppContext.BaseDirectory, "iotpsk-device.dll"), "--vault", Vault, "--count", "1"])
        {
            RedirectStandardError = true,
            Environment = { ["IOTPSK_NATIVE"] = Path.Combine(_directory, "none.so") },
        };
        using Process process = Process.Start(start)!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(1, process.ExitCode);
        Assert.Contains("make build", Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Contains("none.so", error, StringComparison.Ordinal);
    }
}
