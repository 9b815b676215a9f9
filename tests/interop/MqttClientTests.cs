using System.Globalization;
using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>MQTT clients that people have, with keys of the fleet: they subscribe and publish as the device they are, and as nobody else.</summary>
public sealed class MqttClientTests(Fleet fleet) : IClassFixture<Fleet>
{
    private static readonly string Script = Path.Combine(Repository.Root, "tests", "interop", "node", "visit.js");

    [Theory]
    [InlineData("TLSv1.3", 5)]
    [InlineData("TLSv1.3", 4)]
    [InlineData("TLSv1.2", 5)]
    public void Node_mqtt_subscribes_and_publishes(string tls, int level)
    {
        string device = $"node-{tls[^1]}-{level}";
        (string identity, string key) = Device(device, tls);
        JsonNode came = Visit(tls, level, identity, key, clientId: device + "/worker", userName: null, $"iotpsk/{device}/cmd/interval", "30");
        Assert.Equal(($"iotpsk/{device}/cmd/interval", "30", level == 5 ? "text/plain" : null),
            (came["topic"]?.GetValue<string>(), came["payload"]?.GetValue<string>(), came["contentType"]?.GetValue<string>()));
    }

    // MQTT 5 s3.2.2.2: 0x87 not authorized; 3.1.1 s3.2.2.3: 5.
    [Theory]
    [InlineData(5, "someone-else", null, 0x87, "ForeignClientId")]
    [InlineData(5, "", "someone-else", 0x87, "ForeignUserName")]
    [InlineData(4, "someone-else", null, 5, "ForeignClientId")]
    [InlineData(4, "", "someone-else", 5, "ForeignUserName")]
    public void Node_mqtt_under_another_name_is_refused(int level, string clientId, string? userName, int code, string reason)
    {
        (string identity, string key) = Device("node-refused", "TLSv1.3");
        int mark = fleet.Gateway.Mark();
        JsonNode came = Visit("TLSv1.3", level, identity, key, clientId, userName, "iotpsk/node-refused/x", "x");
        Assert.Equal(code.ToString(CultureInfo.InvariantCulture), came["refused"]?.ToString());
        fleet.Gateway.WaitForLog(mark, "CONNECT refused on mqtt", reason);
    }

    [Fact]
    public void Mosquitto_sub_gets_what_mosquitto_pub_sends_to_the_same_device_and_nothing_of_others_in_TLS_12()
    {
        (string identity, string key) = Device("msub-1", "TLSv1.2");
        (string otherIdentity, string otherKey) = Device("msub-2", "TLSv1.2");
        string configuration = fleet.Lab.Directory.File("libssl12.cnf");
        File.WriteAllText(configuration, "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMaxProtocol = TLSv1.2\n");
        var environment = new Dictionary<string, string> { ["OPENSSL_CONF"] = configuration };
        using ChildProcess subscriber = ChildProcess.Start("stdbuf",
            ["-oL", "mosquitto_sub", "-d", .. Reach(identity, key), "-i", "msub-1/sub", "-q", "1", "-t", "iotpsk/msub-1/#", "-t", "iotpsk/msub-2/#", "-F", "%t %p"], environment: environment);
        subscriber.WaitForLine(line => line.StartsWith("Subscribed ", StringComparison.Ordinal), "mosquitto_sub is subscribed");
        Publish(otherIdentity, otherKey, "msub-2", "iotpsk/msub-2/telemetry", "not for you");
        Publish(otherIdentity, otherKey, "msub-2", "iotpsk/msub-1/telemetry", "forged");
        Publish(identity, key, "msub-1/pub", "iotpsk/msub-1/telemetry", "own");
        subscriber.WaitForLine(line => line == "iotpsk/msub-1/telemetry own", "the device's own message arrives");
        Assert.DoesNotContain(subscriber.Lines, line => line.EndsWith("not for you", StringComparison.Ordinal) || line.EndsWith("forged", StringComparison.Ordinal));
        Assert.Equal("TLSv1.2", fleet.SessionOf("msub-1")!["version"]!.GetValue<string>());

        void Publish(string asIdentity, string withKey, string clientId, string topic, string payload) => PskClient.Succeeds(ChildProcess.Run("mosquitto_pub",
            [.. Reach(asIdentity, withKey), "-i", clientId, "-q", "1", "-t", topic, "-m", payload], environment));
    }

    private string[] Reach(string identity, string key) =>
        ["-h", "127.0.0.1", "-p", fleet.Gateway.Port.ToString(CultureInfo.InvariantCulture), "--psk", key, "--psk-identity", identity];

    private (string Identity, string Key) Device(string device, string tls) => fleet.NewDevice(device, tls == "TLSv1.3" ? "tls13" : "tls12");

    private JsonNode Visit(string tls, int level, string identity, string key, string clientId, string? userName, string topic, string payload)
    {
        JsonObject visit = new()
        {
            ["port"] = fleet.Gateway.Port, ["tls"] = tls, ["level"] = level, ["identity"] = identity, ["key"] = key,
            ["clientId"] = clientId, ["userName"] = userName, ["topic"] = topic, ["payload"] = payload,
        };
        if (userName is null)
            visit.Remove("userName");
        CommandResult result = ChildProcess.Run("node", [Script, visit.ToJsonString()]);
        Assert.True(result.ExitCode == 0 && result.Output.Length > 0, $"{result}{Environment.NewLine}(make setup-test installs the packages of tests/interop/node)");
        return JsonNode.Parse(result.Output)!;
    }
}
