using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;
using IotPsk.TestSupport;

namespace IotPsk.Interop.Tests;

/// <summary>The program <c>iotpsk-device --lwm2m</c> at the gateway, seen from the broker.</summary>
public sealed class Lwm2mProgramTests : IClassFixture<Lwm2mFleet>
{
    private readonly Lwm2mFleet _lwm2m;
    private readonly Fleet _fleet;

    public Lwm2mProgramTests(Lwm2mFleet lwm2m) => (_lwm2m, _fleet) = (lwm2m, lwm2m.Fleet);

    private double Handshakes => _fleet.Gateway.Metric("iotpsk_handshakes_completed_total");

    private string[] Arguments(string device, params string[] arguments) =>
        ["--vault", _fleet.Lab.Directory.File("vault-" + device), "--lwm2m", "--cid", "--first-timeout", "1000", "--json", .. arguments];

    private CommandResult Run(string device, params string[] arguments) => ChildProcess.Run(Repository.Device, Arguments(device, arguments));

    private ChildProcess Start(string device, params string[] arguments) => ChildProcess.Start(Repository.Device, Arguments(device, arguments));

    private static JsonNode[] Events(CommandResult result, string name)
    {
        Assert.True(result.ExitCode == 0, result.ToString());
        return [.. result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!).Where(e => e["event"]!.GetValue<string>() == name)];
    }

    private static bool[] Resumed(CommandResult result) => [.. Events(result, "connected").Select(e => e["resumed"]!.GetValue<bool>())];

    private void Command(string device, string command, string payload)
    {
        CommandResult result = ChildProcess.Run("mosquitto_pub", ["-h", "127.0.0.1", "-p", _fleet.Lab.Broker.Port.ToString(CultureInfo.InvariantCulture), "-u", "~iotpsk", "-q", "1",
            "-t", $"iotpsk/{device}/cmd/{command}", "-m", payload]);
        Assert.True(result.ExitCode == 0, result.ToString());
    }

    private static void HasValue(ChildProcess subscriber, string device, double value) => subscriber.WaitForLine(line =>
        line.StartsWith($"iotpsk/{device}/3303/0/5700 ", StringComparison.Ordinal)
        && JsonNode.Parse(line[line.IndexOf('[', StringComparison.Ordinal)..])!.AsArray().Any(r => r!["v"]?.GetValue<double>() == value), $"the value {value} of {device}");

    [Fact]
    public void Devices_of_one_process_register_report_and_leave()
    {
        string bundles = _fleet.Lab.Directory.Create("bundles");
        foreach (string device in new[] { "unit-1", "unit-2", "unit-3" })
        {
            _fleet.Enroll(device);
            File.Move(_fleet.BundleFile(device), Path.Combine(bundles, device));
        }
        using ChildProcess subscriber = _fleet.Lab.Broker.Subscribe("iotpsk/+/#");
        CommandResult result = Run("units", "--bundle", bundles, "--count", "3", "--interval", "0.3", "--temperature", "-7.5", "--once");
        Assert.Equal(3, Events(result, "connected").Length);
        Assert.Equal(9, Events(result, "acknowledged").Length);
        foreach (string device in new[] { "unit-1", "unit-2", "unit-3" })
        {
            foreach (double value in new[] { -7.5, -7.4, -7.3 })
                HasValue(subscriber, device, value);
            subscriber.WaitForLine(line => line.StartsWith($"iotpsk/{device}/registration ", StringComparison.Ordinal) && line.Contains("deregistered", StringComparison.Ordinal), "the end of the registration");
        }
    }

    [Fact]
    public void A_sleeping_device_ends_its_process_and_the_next_one_begins_with_data_and_hears_what_waits()
    {
        _fleet.Enroll("dozer");
        using ChildProcess subscriber = _fleet.Lab.Broker.Subscribe("iotpsk/dozer/#");
        string[] once = ["--sleep", "--awake", "1", "--count", "1", "--once"];
        Assert.Equal([false], Resumed(Run("dozer", ["--bundle", _fleet.BundleFile("dozer"), "--temperature", "1", .. once])));
        HasValue(subscriber, "dozer", 1);
        double before = Handshakes;
        Command("dozer", "read/3/0/2", """{"id":"late"}""");
        // One that was heard less than five seconds ago counts as awake at the gateway.
        Thread.Sleep(5_500);
        Assert.Equal([true], Resumed(Run("dozer", ["--temperature", "2", .. once])));
        HasValue(subscriber, "dozer", 2);
        subscriber.WaitForLine(line => line.StartsWith("iotpsk/dozer/reply/read/3/0/2 ", StringComparison.Ordinal) && line.Contains("\"late\"", StringComparison.Ordinal), "the answer to what waited");
        Assert.Equal([true], Resumed(Run("dozer", ["--temperature", "3", .. once])));
        HasValue(subscriber, "dozer", 3);
        Assert.Equal(before, Handshakes);
        Assert.DoesNotContain(subscriber.Lines, line => line.Contains("deregistered", StringComparison.Ordinal));
    }

    [Fact]
    public void Over_a_network_that_loses_doubles_and_mixes_datagrams_every_value_arrives()
    {
        _fleet.Enroll("bumpy");
        using var relay = new UdpRelay(new IPEndPoint(IPAddress.Loopback, _fleet.Gateway.CoapPort),
            new Impairment { Loss = 0.1, Duplication = 0.2, Reordering = 0.2, Delay = TimeSpan.FromMilliseconds(20) }, seed: 3);
        using ChildProcess subscriber = _fleet.Lab.Broker.Subscribe("iotpsk/bumpy/#");
        CommandResult result = Run("bumpy", "--bundle", _fleet.ChangedBundle("bumpy", b => b.DtlsAddress = relay.EndPoint.ToString()), "--count", "5", "--interval", "0.2", "--temperature", "50", "--once");
        Assert.Equal([1, 2, 3, 4, 5], Events(result, "acknowledged").Select(e => e["seq"]!.GetValue<int>()));
        foreach (double value in new[] { 50, 50.1, 50.2, 50.3, 50.4 })
            HasValue(subscriber, "bumpy", value);
    }

    [Fact]
    public void A_reboot_from_the_broker_starts_the_device_anew()
    {
        _fleet.Enroll("rebooter");
        using ChildProcess subscriber = _fleet.Lab.Broker.Subscribe("iotpsk/rebooter/#");
        using ChildProcess device = Start("rebooter", "--bundle", _fleet.BundleFile("rebooter"), "--interval", "60");
        device.WaitForLine(line => line.Contains("\"acknowledged\"", StringComparison.Ordinal), "the first value is acknowledged");
        int mark = device.Lines.Count;
        Command("rebooter", "execute/3/0/4", """{"id":"r"}""");
        subscriber.WaitForLine(line => line.StartsWith("iotpsk/rebooter/reply/", StringComparison.Ordinal) && line.Contains("2.04", StringComparison.Ordinal), "the answer");
        device.WaitForLine(line => line.Contains("\"rebooted\"", StringComparison.Ordinal), "the device starts anew", mark);
        device.WaitForLine(line => line.Contains("\"connected\"", StringComparison.Ordinal), "it is there again", mark);
        Assert.Equal(0, device.Stop());
    }

    [Theory]
    [InlineData("push")]
    [InlineData("pull")]
    public void Firmware_comes_from_the_gateways_directory_and_the_device_starts_with_it(string method)
    {
        string name = "flashed-" + method, firmware = _fleet.Lab.Directory.Create("firmware-" + method);
        byte[] image = new byte[64 << 10];
        new Random(4).NextBytes(image);
        File.WriteAllBytes(Path.Combine(_lwm2m.Images, name + ".bin"), image);
        _fleet.Enroll(name);
        using ChildProcess subscriber = _fleet.Lab.Broker.Subscribe($"iotpsk/{name}/#");
        using ChildProcess device = Start(name, "--bundle", _fleet.BundleFile(name), "--interval", "60", "--firmware", firmware);
        device.WaitForLine(line => line.Contains("\"acknowledged\"", StringComparison.Ordinal), "the first value is acknowledged");
        Assert.Equal("2.04", _fleet.Gateway.Must(["lwm2m", "firmware", name, name + ".bin", .. method == "pull" ? ["--pull"] : Array.Empty<string>()]).Trim());
        device.WaitForLine(line => line.Contains("\"rebooted\"", StringComparison.Ordinal), "the device starts anew");
        subscriber.WaitForLine(line => line.StartsWith($"iotpsk/{name}/firmware ", StringComparison.Ordinal) && line.Contains("\"updated\"", StringComparison.Ordinal), "the gateway hears of the success");
        Assert.Equal(image, File.ReadAllBytes(Path.Combine(firmware, name + ".bin")));
        Assert.Equal(0, device.Stop());
    }

    // Whatever the devices believe the time to be: nothing depends on it. Their uptime goes on; without the second setting, faketime ends every timed wait at once.
    [Theory]
    [InlineData("1970-01-02 00:00:00", false)]
    [InlineData("1970-01-02 00:00:00", true)]
    [InlineData("2100-06-01 00:00:00", false)]
    [InlineData("2100-06-01 00:00:00", true)]
    public void A_device_with_a_wrong_clock_connects_sleeps_and_wakes(string time, bool lwm2m)
    {
        string device = $"clock-{time[..4]}-{lwm2m}";
        _fleet.Enroll(device);
        string vault = _fleet.Lab.Directory.File("vault-" + device);
        CommandResult RunThen(params string[] arguments) => ChildProcess.Run("faketime", ["-f", "@" + time, Repository.Device, "--vault", vault, "--json", "--once", .. arguments],
            new Dictionary<string, string> { ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1", ["FAKETIME_FORCE_MONOTONIC_FIX"] = "0" });
        string[] bundle = ["--bundle", _fleet.BundleFile(device)];
        string[] once = lwm2m ? ["--lwm2m", "--cid", "--sleep", "--awake", "0.2", "--first-timeout", "1000", "--count", "1"] : ["--count", "1"];
        Assert.Single(Events(RunThen([.. bundle, .. once]), "acknowledged"));
        CommandResult again = RunThen(once);
        Assert.Single(Events(again, "acknowledged"));
        Assert.Equal([lwm2m], Resumed(again));
    }
}
