using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using IotPsk.Device;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>LwM2M from the device library through the gateway to the broker, and back.</summary>
public sealed class Lwm2mTests : IClassFixture<Lwm2mFleet>
{
    private static int s_command;
    private readonly Fleet _fleet;
    private readonly Lwm2mFleet _lwm2m;

    public Lwm2mTests(Lwm2mFleet lwm2m) => (_lwm2m, _fleet) = (lwm2m, lwm2m.Fleet);

    private GatewayProcess Gateway => _fleet.Gateway;

    [Fact]
    public void A_device_is_managed_from_its_registration_to_its_end_and_the_broker_hears_of_all_of_it()
    {
        using ChildProcess heard = _fleet.Lab.Broker.Subscribe("iotpsk/managed/#");
        using Lwm2mDevice device = Connect("managed");
        JsonNode registration = Heard(heard, "registration", node => node["state"]!.GetValue<string>() == "registered");
        Assert.Equal(300, registration["lifetime"]!.GetValue<int>());
        Assert.Contains("/3303/0", registration["objects"]!.AsArray().Select(o => o!.GetValue<string>()));

        // Observed without being asked, and notified.
        Heard(heard, "3303/0/5700", pack => pack[0]!["v"]!.GetValue<double>() == 20.5);
        int sequence = device.Report(23.25);
        JsonNode value = Heard(heard, "3303/0/5700", pack => pack[0]!["v"]!.GetValue<double>() == 23.25);
        Assert.Equal("/3303/0/5700", value[0]!["bn"]!.GetValue<string>());
        Assert.InRange(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - value[0]!["t"]!.GetValue<double>(), -5, 60);
        Poll.Until(() => device.HasDelivered(sequence), "the value is acknowledged", () => Tell(heard, device));

        Assert.Equal("IotPsk", Ask(heard, "managed", "read/3/0/0")["value"]![0]!["vs"]!.GetValue<string>());
        Assert.Equal("2.04", Code(Ask(heard, "managed", "write/1/0/2", "7")));
        Assert.Equal(7, Ask(heard, "managed", "read/1/0/2")["value"]![0]!["v"]!.GetValue<int>());
        Assert.Equal("2.04", Code(Ask(heard, "managed", "execute/3/0/4")));
        Assert.Equal(1, device.Reboots);
        Assert.Contains("</3/0/4>", Ask(heard, "managed", "discover/3/0")["links"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal("2.04", Code(Ask(heard, "managed", "attributes/3303/0/5700", "pmin=1&pmax=600")));
        Assert.Equal("2.05", Code(Ask(heard, "managed", "observe/3/0/10")));
        Heard(heard, "3/0/10", pack => pack[0]!["v"]!.GetValue<int>() == 123);
        Assert.Equal("4.04", Code(Ask(heard, "managed", "read/3/0/99")));
        Assert.Equal("4.00", Code(Ask(heard, "managed", "execute/3/0")));

        device.Deregister();
        Heard(heard, "registration", node => node["state"]!.GetValue<string>() == "deregistered");
        Assert.Null(device.Failure);
    }

    [Theory]
    [InlineData("push")]
    [InlineData("pull")]
    public void Firmware_of_256_kib_is_brought_and_its_result_is_told_after_the_restart(string method)
    {
        string name = "firmware-" + method;
        byte[] image = new byte[256 << 10];
        new Random(9).NextBytes(image);
        image[0] = 1;
        File.WriteAllBytes(Path.Combine(_lwm2m.Images, "app-2.bin"), image);
        using ChildProcess heard = _fleet.Lab.Broker.Subscribe($"iotpsk/{name}/#");
        using Lwm2mDevice device = Connect(name);
        Heard(heard, "registration", node => node["state"]!.GetValue<string>() == "registered");
        JsonNode answer = Ask(heard, name, "firmware", $"{{\"id\":\"fw\",\"value\":{{\"file\":\"app-2.bin\",\"method\":\"{method}\"}}}}", "fw");
        Assert.True(Code(answer) == "2.04", answer.ToJsonString() + Tell(heard, device));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(image)), Convert.ToHexStringLower(SHA256.HashData(device.Firmware)));
        Assert.Equal(1, device.Restarts);
        string[] states = [.. heard.Lines.Where(line => line.StartsWith($"iotpsk/{name}/firmware ", StringComparison.Ordinal)).Select(line => JsonNode.Parse(line[line.IndexOf('{')..])!["state"]!.GetValue<string>())];
        Assert.Equal(["started", "downloading", "updating", "updated"], states);
    }

    [Fact]
    public void Firmware_that_the_device_does_not_take_is_told_with_its_reason()
    {
        File.WriteAllBytes(Path.Combine(_lwm2m.Images, "damaged.bin"), new byte[5000]);
        using ChildProcess heard = _fleet.Lab.Broker.Subscribe("iotpsk/firmware-bad/#");
        using Lwm2mDevice device = Connect("firmware-bad");
        Heard(heard, "registration", node => node["state"]!.GetValue<string>() == "registered");
        JsonNode answer = Ask(heard, "firmware-bad", "firmware", "{\"id\":\"bad\",\"value\":{\"file\":\"damaged.bin\",\"method\":\"push\"}}", "bad");
        Assert.StartsWith("5.0", Code(answer), StringComparison.Ordinal);
        JsonNode told = Heard(heard, "firmware", node => node["state"]!.GetValue<string>() == "failed");
        Assert.Equal("damaged.bin", told["file"]!.GetValue<string>());
        Assert.NotEmpty(told["reason"]!.GetValue<string>());
        foreach (string file in (string[])["none.bin", "../state/registry.db", ""])
        {
            answer = Ask(heard, "firmware-bad", "firmware", $"{{\"id\":\"{file}\",\"value\":{{\"file\":\"{file}\"}}}}", file);
            Assert.Contains("no image of this name", answer["reason"]!.GetValue<string>(), StringComparison.Ordinal);
        }
        Assert.Equal(0, device.Restarts);
    }

    [Fact]
    public void What_was_acknowledged_to_a_device_is_found_at_the_broker_after_both_were_away()
    {
        using var lab = new Lwm2mFleet();
        GatewayProcess gateway = lab.Fleet.Gateway;
        using Lwm2mDevice device = Connect("keeper", fleet: lab.Fleet, options: new Lwm2mOptions { Lifetime = 300, AcknowledgementTimeout = 300 });
        Poll.Until(() => device.IsRegistered, "the device is registered");
        lab.Fleet.Lab.Broker.Stop();
        var acknowledged = new List<double>();
        for (int i = 0; i < 20; i++)
        {
            int sequence = device.Report(100 + i);
            Poll.Until(() => device.HasDelivered(sequence), "the value is acknowledged", () => $"{device.Failure}");
            acknowledged.Add(100 + i);
        }
        gateway.Process.Signal("KILL");
        gateway.Process.WaitForExit();
        gateway.Stop();
        lab.Fleet.Lab.Broker.Start();
        using ChildProcess heard = lab.Fleet.Lab.Broker.Subscribe("iotpsk/keeper/3303/0/5700");
        gateway.Start();
        foreach (double value in acknowledged)
            Heard(heard, "3303/0/5700", pack => pack[0]!["v"]!.GetValue<double>() == value);
    }

    [Fact]
    public void A_device_that_sleeps_gets_what_waits_when_it_wakes()
    {
        using ChildProcess heard = _fleet.Lab.Broker.Subscribe("iotpsk/sleeper/#");
        using Lwm2mDevice device = Connect("sleeper", new Lwm2mOptions { Lifetime = 300, IsQueueMode = true });
        Heard(heard, "3303/0/5700", _ => true);
        device.Sleep();
        int mark = heard.Lines.Count;
        Publish("sleeper", "read/3/0/2", "{\"id\":\"late\"}");
        Poll.Until(() => Gateway.Metric("iotpsk_lwm2m_operations_open") > 0, "the request waits");
        Thread.Sleep(500);
        Assert.DoesNotContain(heard.Lines.Skip(mark), line => line.Contains("/reply/", StringComparison.Ordinal));
        device.Wake(1.5);
        Assert.Equal("0815", Heard(heard, "reply/read/3/0/2", node => node["id"]!.GetValue<string>() == "late")["value"]![0]!["vs"]!.GetValue<string>());
    }

    [Fact]
    public void A_registration_outlives_a_crash_of_the_gateway_and_what_was_asked_to_be_observed_with_it()
    {
        using var lab = new Lwm2mFleet();
        GatewayProcess gateway = lab.Fleet.Gateway;
        using ChildProcess heard = lab.Fleet.Lab.Broker.Subscribe("iotpsk/survivor/#");
        using Lwm2mDevice device = Connect("survivor", fleet: lab.Fleet, options: new Lwm2mOptions { Lifetime = 300, AcknowledgementTimeout = 200 });
        Heard(heard, "3303/0/5700", _ => true);
        Assert.Equal("2.05", Code(Ask(heard, "survivor", "observe/3/0/10", fleet: lab.Fleet)));
        string journal = Path.Combine(gateway.State, "registrations.jsonl");
        Poll.Until(() => File.ReadAllText(journal).Contains("/3/0/10", StringComparison.Ordinal), "the observation is written");
        gateway.Process.Signal("KILL");
        gateway.Process.WaitForExit();
        gateway.Stop();
        gateway.Start();
        Assert.Equal(1, gateway.Metric("iotpsk_lwm2m_registrations"));
        // The device notices by its next value, and comes by a new association.
        int sequence = device.Report(30);
        Heard(heard, "3303/0/5700", pack => pack[0]!["v"]!.GetValue<double>() == 30);
        Poll.Until(() => device.HasDelivered(sequence), "the value is acknowledged", () => Tell(heard, device));
        int mark = heard.Lines.Count;
        gateway.Stop();
        gateway.Start();
        Assert.Equal(1, gateway.Metric("iotpsk_lwm2m_registrations"));
        device.Report(31);
        Heard(heard, "3303/0/5700", pack => pack[0]!["v"]!.GetValue<double>() == 31, mark);
    }

    [Fact]
    public void A_device_that_comes_by_another_association_is_reached_there()
    {
        using ChildProcess heard = _fleet.Lab.Broker.Subscribe("iotpsk/mover/#");
        using Lwm2mDevice device = Connect("mover");
        Heard(heard, "3303/0/5700", _ => true);
        for (int i = 0; i < 3; i++)
        {
            int mark = heard.Lines.Count;
            device.Reconnect();
            Heard(heard, "registration", node => node["state"]!.GetValue<string>() == "registered", mark);
            Assert.Equal("0815", Ask(heard, "mover", "read/3/0/2")["value"]![0]!["vs"]!.GetValue<string>());
        }
    }

    private Lwm2mDevice Connect(string name, Lwm2mOptions? options = null, Fleet? fleet = null)
    {
        (string identity, string key) = (fleet ?? _fleet).NewDevice(name, "tls12");
        return new Lwm2mDevice(name, (fleet ?? _fleet).Gateway.CoapPort, identity, key, options);
    }

    private JsonNode Ask(ChildProcess heard, string device, string command, string? payload = null, string? id = null, Fleet? fleet = null)
    {
        if (id is null)
        {
            id = Interlocked.Increment(ref s_command).ToString(CultureInfo.InvariantCulture);
            payload = payload is null ? $"{{\"id\":\"{id}\"}}" : payload[0] == '{' ? payload.Insert(1, $"\"id\":\"{id}\",") : $"{{\"id\":\"{id}\",\"value\":\"{payload}\"}}";
        }
        Publish(device, command, payload!, fleet);
        return Heard(heard, "reply/" + command, node => node["id"]?.GetValue<string>() == id);
    }

    private void Publish(string device, string command, string payload, Fleet? fleet = null)
    {
        CommandResult result = ChildProcess.Run("mosquitto_pub", ["-h", "127.0.0.1", "-p", (fleet ?? _fleet).Lab.Broker.Port.ToString(CultureInfo.InvariantCulture), "-u", "~iotpsk", "-q", "1",
            "-t", $"iotpsk/{device}/cmd/{command}", "-m", payload]);
        Assert.True(result.ExitCode == 0, result.ToString());
    }

    /// <summary>The first message on a device's topic of which something holds.</summary>
    private static JsonNode Heard(ChildProcess subscriber, string topic, Func<JsonNode, bool> which, int mark = 0)
    {
        JsonNode? found = null;
        subscriber.WaitForLine(line =>
        {
            int space = line.IndexOf(' ', StringComparison.Ordinal);
            if (space < 0 || line[..space].Split('/', 3) is not ["iotpsk", _, var said] || said != topic)
                return false;
            found = JsonNode.Parse(line[space..])!;
            return which(found);
        }, "the broker has " + topic, mark);
        return found!;
    }

    private static string Code(JsonNode answer) => answer["code"]!.GetValue<string>();

    private static string Tell(ChildProcess heard, Lwm2mDevice device) => heard.Tail() + device.Failure;
}

/// <summary>A fleet whose gateway gives out firmware.</summary>
public sealed class Lwm2mFleet : IDisposable
{
    public Lwm2mFleet()
    {
        Fleet = new Fleet(lab =>
        {
            Images = lab.Directory.Create("images");
            lab.Gateway.Configuration["Lwm2m"] = new JsonObject
            {
                ["FirmwareDirectory"] = Images,
                ["FirmwareUri"] = string.Create(CultureInfo.InvariantCulture, $"coaps://127.0.0.1:{lab.Gateway.CoapPort}/fw/"),
            };
            lab.Gateway.WriteConfiguration();
        });
    }

    internal Fleet Fleet { get; }

    internal string Images { get; private set; } = "";

    public void Dispose() => Fleet.Dispose();
}
