using System.Globalization;
using System.Text;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>The cells of the matrix in tests/README.md that are not held elsewhere: each is a data exchange.</summary>
public sealed class MatrixTests(Fleet fleet) : IClassFixture<Fleet>
{
    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Version, cipher list of OpenSSL in TLS 1.2, key exchange that the gateway then tells.</summary>
    public static TheoryData<string, string, string> Versions => new()
    {
        { "TLSv1.3", "", "psk_dhe_ke" },
        { "TLSv1.2", "PSK-AES128-GCM-SHA256", "psk" },
        { "TLSv1.2", "ECDHE-PSK-CHACHA20-POLY1305", "ecdhe_psk" },
    };

    [Fact]
    public void An_MQTT_5_client_publishes_through_the_gateway() =>
        Visited("TLSv1.3", "psk_dhe_ke", (device, identity, key, payload) => PskClient.Succeeds(ChildProcess.Run("mosquitto_pub",
            ["-V", "mqttv5", "-D", "connect", "user-property", "a", "b", "-h", "127.0.0.1", "-p", Text(fleet.Gateway.Port), "--psk", key, "--psk-identity", identity,
             "-i", device + "/five", "-q", "1", "-t", $"iotpsk/{device}/telemetry", "-m", payload])));

    [Theory]
    [MemberData(nameof(Versions))]
    public void Mosquitto_pub_publishes_through_the_gateway(string version, string ciphers, string keyExchange)
    {
        // mosquitto_pub 2.0 offers TLS 1.3 whatever --tls-version says; libssl's own configuration forbids it.
        string configuration = fleet.Lab.Directory.File("libssl.cnf");
        File.WriteAllText(configuration, $"openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMaxProtocol = {version}\n");
        Visited(version, keyExchange, (device, identity, key, payload) => PskClient.Succeeds(ChildProcess.Run("mosquitto_pub",
            ["-h", "127.0.0.1", "-p", Text(fleet.Gateway.Port), "--psk", key, "--psk-identity", identity, .. ciphers.Length > 0 ? (string[])["--ciphers", ciphers] : [],
             "-i", device, "-q", "1", "-t", $"iotpsk/{device}/telemetry", "-m", payload],
            new Dictionary<string, string> { ["OPENSSL_CONF"] = configuration })));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Stunnel_as_a_client_carries_MQTT_to_the_gateway(string version, string ciphers, string keyExchange) =>
        Visited(version, keyExchange, (device, identity, key, payload) =>
        {
            int port = FreePorts.Take();
            string directory = fleet.Lab.Directory.Create("stunnel-" + device);
            using ChildProcess stunnel = PskServer.StartStunnel(directory, PskServer.KeyFile(directory, identity, key),
                $"client = yes\naccept = 127.0.0.1:{Text(port)}\nconnect = {fleet.Gateway.Address}\nsslVersion = {version}\n", ciphers);
            using var plain = new RawConnection(port);
            plain.Send(MqttBytes.Visit(device, payload));
            Assert.Equal([0x20, 2, 0, 0, 0x40, 2, 0, 1], plain.ReceiveToEnd());
        });

    [Theory]
    [MemberData(nameof(Versions))]
    public void Node_reaches_the_broker_with_a_pskCallback(string version, string ciphers, string keyExchange) =>
        Visited(version, keyExchange, (device, identity, key, payload) =>
        {
            CommandResult result = PskClient.Node(fleet.Gateway.Port, version, ciphers, identity, key, MqttBytes.Visit(device, payload));
            Assert.Equal("2002000040020001", result.Output);
        });

    [Theory]
    [InlineData("TLSv1.3", "+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:+DHE-PSK:+PSK", "psk_dhe_ke")]
    [InlineData("TLSv1.2", "+VERS-TLS1.2:-KX-ALL:+PSK", "psk")]        // gnutls-cli 3.7 crashes when it tells of an ECDHE-PSK session of TLS 1.2
    public void Gnutls_reaches_the_broker(string version, string priority, string keyExchange) =>
        Visited(version, keyExchange, (device, identity, key, payload) =>
        {
            using ChildProcess client = PskClient.Gnutls(fleet.Gateway.Port, identity, key, priority);
            Type(client, MqttBytes.Visit(device, payload));
            client.WaitForExit();       // the broker ends after DISCONNECT, and close_notify ends the client
        });

    [Theory]
    [InlineData("openssl")]
    [InlineData("gnutls")]
    public void Psk_ke_reaches_a_listener_that_takes_it(string name)
    {
        (string identity, string key) = fleet.NewDevice(name, "tls13");
        int mark = fleet.Gateway.Mark();
        using ChildProcess client = name == "openssl"
            ? ChildProcess.Start("openssl", ["s_client", "-quiet", "-connect", "127.0.0.1:" + Text(fleet.Gateway.TunnelPort), "-psk_identity", identity, "-psk", key, "-groups", "X448", "-allow_no_dhe_kex"])
            : PskClient.Gnutls(fleet.Gateway.TunnelPort, identity, key, "+VERS-TLS1.3:-KX-ALL:+PSK");
        Type(client, "GET /healthz HTTP/1.0\r\n\r\n"u8.ToArray());
        client.WaitForLine(line => line.Contains(" 200 OK", StringComparison.Ordinal), "the answer comes");
        fleet.Gateway.WaitForLog(mark, "opened on http", "TLSv1.3", " psk_ke by key,");
    }

    [Fact]
    public void Openssl_of_TLS_12_reaches_the_broker_by_ECDHE_PSK() =>
        Visited("TLSv1.2", "ecdhe_psk", (device, identity, key, payload) => Assert.StartsWith(" \u0002\0\0@\u0002\0\u0001", ChildProcess.Run("openssl",
            ["s_client", "-quiet", "-connect", fleet.Gateway.Address, "-tls1_2", "-cipher", "ECDHE-PSK-CHACHA20-POLY1305", "-psk_identity", identity, "-psk", key],
            input: MqttBytes.Visit(device, payload)).Output, StringComparison.Ordinal));

    // A new device's message reaches the broker, and the gateway tells a session of these parameters.
    private void Visited(string version, string keyExchange, Action<string, string, string, string> visit)
    {
        string payload = Fleet.NewPayload(), device = "matrix-" + payload;
        (string identity, string key) = fleet.NewDevice(device, version == "TLSv1.2" ? "tls12" : "tls13");
        using ChildProcess subscriber = fleet.Lab.Broker.Subscribe("iotpsk/#");
        int mark = fleet.Gateway.Mark();
        visit(device, identity, key, payload);
        subscriber.WaitForLine(line => line == $"iotpsk/{device}/telemetry {payload}", "the broker delivers " + payload);
        fleet.Gateway.WaitForLog(mark, $" of {device} ", "opened on mqtt", version, $" {keyExchange} by key,");
    }

    [Theory]
    [InlineData("-groups", "P-384:P-256")]                              // the share does not fit: HelloRetryRequest
    [InlineData("-groups", "X25519")]
    [InlineData("-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256")]
    [InlineData("-ciphersuites", "TLS_AES_128_CCM_SHA256")]
    [InlineData("-ciphersuites", "TLS_AES_128_CCM_8_SHA256")]
    [InlineData("-maxfraglen", "512")]                                  // ignored without record_size_limit; the data still comes
    public void Openssl_reaches_the_broker_with_other_parameters(params string[] arguments)
    {
        string device = "openssl-" + Fleet.NewPayload();
        string[] credentials = OpensslArguments(device);
        CommandResult result = ChildProcess.Run("openssl", ["s_client", "-quiet", "-connect", fleet.Gateway.Address, .. credentials, .. arguments],
            input: MqttBytes.Visit(device, "x"));
        Assert.StartsWith(" \u0002\0\0@\u0002\0\u0001", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Openssl_changes_its_keys_in_mid_session()
    {
        string device = "openssl-keys";
        // In interactive mode what is read and begins with K is no data: it sends KeyUpdate with update_requested.
        using ChildProcess client = ChildProcess.Start("openssl", ["s_client", "-connect", fleet.Gateway.Address, .. OpensslArguments(device)]);
        ChangesKeys(client, device, "K\n", "KEYUPDATE");
    }

    [Fact]
    public void Gnutls_changes_its_keys_in_mid_session()
    {
        (string identity, string key) = fleet.NewDevice("gnutls-keys", "tls13");
        using ChildProcess client = PskClient.Gnutls(fleet.Gateway.Port, identity, key, "+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:+DHE-PSK:+PSK", "--debug", "4");
        ChangesKeys(client, "gnutls-keys", "^rekey^\n", "received TLS 1.3 key update");
    }

    private void ChangesKeys(ChildProcess client, string device, string command, string said)
    {
        string payload = Fleet.NewPayload();
        using ChildProcess subscriber = fleet.Lab.Broker.Subscribe("iotpsk/#");
        // Commands are taken at the beginning of a line alone.
        Type(client, [.. MqttBytes.Connect(), .. MqttBytes.Publish($"iotpsk/{device}/telemetry", "before\n")]);
        Poll.Until(() => fleet.SessionOf(device)?["bytesDown"]!.GetValue<long>() == 8, "the message is acknowledged");
        for (int i = 0; i < 3; i++)
        {
            int updates = client.Lines.Count(line => line.Contains(said, StringComparison.Ordinal));
            Type(client, Encoding.ASCII.GetBytes(command));
            Poll.Until(() => client.Lines.Count(line => line.Contains(said, StringComparison.Ordinal)) > updates, client.Name + " updates its keys", client.Tail);
        }
        Type(client, MqttBytes.Publish($"iotpsk/{device}/telemetry", payload));
        subscriber.WaitForLine(line => line == $"iotpsk/{device}/telemetry {payload}", "the broker delivers " + payload);
    }

    private static void Type(ChildProcess client, byte[] bytes)
    {
        client.Input.Write(bytes);
        client.Input.Flush();
    }

    [Fact]
    public void The_client_verb_talks_to_a_mosquitto_with_a_key_file()
    {
        using PskServer mosquitto = PskServer.Mosquitto();
        // Mosquitto may end TCP by a reset, so how the client ends is not asked, and what came before it is.
        using ChildProcess client = ChildProcess.Start(Repository.Gateway, ["client", "tls", $"127.0.0.1:{Text(mosquitto.Port)}", "--identity", PskServer.Identity, "--key", PskServer.Key]);
        Type(client, [.. MqttBytes.Connect("c"), .. MqttBytes.Publish("t", "x")]);
        Poll.Until(() => mosquitto.Lines.Any(line => line.Contains("Sending PUBACK to c", StringComparison.Ordinal)), "mosquitto acknowledges");
    }

    [Theory]
    [InlineData("stunnel")]
    [InlineData("node")]
    public void The_client_verb_talks_to_other_servers(string name)
    {
        using PskServer server = PskServer.Start(name, "TLSv1.3");
        // stunnel ends with the broker, and the broker by DISCONNECT; Node ends after its answer.
        Assert.Equal(server.Reply, Client(server.Port, name == "stunnel" ? [.. server.Request, .. MqttBytes.Disconnect] : server.Request).Output);
    }

    private string[] OpensslArguments(string device)
    {
        fleet.Enroll(device);
        return fleet.OpensslArguments(device);
    }

    // The peers have their own ways to end TCP; what counts is what came.
    private static CommandResult Client(int port, byte[] input) =>
        ChildProcess.Run(Repository.Gateway, ["client", "tls", $"127.0.0.1:{Text(port)}", "--identity", PskServer.Identity, "--key", PskServer.Key], input: input);
}
