using System.Globalization;
using System.Text;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>The cells of the matrix in tests/README.md that are not held elsewhere: each is a data exchange.</summary>
public sealed class MatrixTests(Fleet fleet) : IClassFixture<Fleet>
{
    private const string PskIdentity = "matrix-peer";
    private const string PskKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private (string Identity, string Key) Credentials(string device)
    {
        fleet.Enroll(device);
        string[] csv = fleet.Gateway.Must("device", "credentials", device, "--for", "tls13", "--format", "csv").Trim().Split(',');
        return (csv[0], csv[1]);
    }

    private static void Arrives(ChildProcess subscriber, string device, string payload) =>
        subscriber.WaitForLine(line => line == $"iotpsk/{device}/telemetry {payload}", "the broker delivers " + payload);

    [Fact]
    public void Mosquitto_pub_publishes_through_the_gateway()
    {
        (string identity, string key) = Credentials("pub-1");
        string payload = Fleet.NewPayload();
        using ChildProcess subscriber = fleet.Lab.Broker.Subscribe("iotpsk/#");
        CommandResult result = ChildProcess.Run("mosquitto_pub", ["-h", "127.0.0.1", "-p", Text(fleet.Gateway.Port), "--psk", key, "--psk-identity", identity,
            "--tls-version", "tlsv1.3", "-i", "pub-1", "-q", "1", "-t", "iotpsk/pub-1/telemetry", "-m", payload]);
        Assert.True(result.ExitCode == 0, result.ToString());
        Arrives(subscriber, "pub-1", payload);
    }

    [Fact]
    public void Stunnel_as_a_client_carries_MQTT_to_the_gateway()
    {
        (string identity, string key) = Credentials("stunnel-1");
        int port = FreePorts.Take();
        string payload = Fleet.NewPayload();
        using ChildProcess subscriber = fleet.Lab.Broker.Subscribe("iotpsk/#");
        using ChildProcess stunnel = Stunnel($"client = yes\naccept = 127.0.0.1:{Text(port)}\nconnect = {fleet.Gateway.Address}\nsslVersion = TLSv1.3\n", identity, key, port);
        using var plain = new RawConnection(port);
        plain.Send(MqttBytes.Visit("stunnel-1", payload));
        Assert.Equal([0x20, 2, 0, 0, 0x40, 2, 0, 1], plain.ReceiveToEnd());
        Arrives(subscriber, "stunnel-1", payload);
    }

    [Fact]
    public void Node_reaches_the_broker_with_a_pskCallback()
    {
        (string identity, string key) = Credentials("node-1");
        string payload = Fleet.NewPayload();
        using ChildProcess subscriber = fleet.Lab.Broker.Subscribe("iotpsk/#");
        CommandResult result = ChildProcess.Run("node", ["-e", $$"""
            const tls = require('tls');
            const socket = tls.connect({ host: '127.0.0.1', port: {{Text(fleet.Gateway.Port)}}, minVersion: 'TLSv1.3', checkServerIdentity: () => undefined,
              pskCallback: () => ({ identity: '{{identity}}', psk: Buffer.from('{{key}}', 'hex') }) },
              () => socket.write(Buffer.from('{{Convert.ToHexString(MqttBytes.Visit("node-1", payload))}}', 'hex')));
            socket.on('data', data => process.stdout.write(data.toString('hex')));
            socket.on('error', error => { console.error(error.message); process.exitCode = 1; });
            """]);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal("2002000040020001", result.Output);
        Arrives(subscriber, "node-1", payload);
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
        string device = "openssl-keys", payload = Fleet.NewPayload();
        using ChildProcess subscriber = fleet.Lab.Broker.Subscribe("iotpsk/#");
        // In interactive mode what is read and begins with K is no data: it sends KeyUpdate with update_requested.
        using ChildProcess client = ChildProcess.Start("openssl", ["s_client", "-connect", fleet.Gateway.Address, .. OpensslArguments(device)]);
        Type(client, MqttBytes.Connect());
        Poll.Until(() => fleet.SessionOf(device)?["bytesDown"]!.GetValue<long>() == 4, "the session is accepted");
        for (int i = 0; i < 3; i++)
        {
            int updates = client.Lines.Count(IsUpdate);
            Type(client, "K\n"u8.ToArray());
            Poll.Until(() => client.Lines.Count(IsUpdate) > updates, "openssl updates its keys");
        }
        Type(client, MqttBytes.Publish($"iotpsk/{device}/telemetry", payload));
        Arrives(subscriber, device, payload);
    }

    private static bool IsUpdate(string line) => line.Contains("KEYUPDATE", StringComparison.Ordinal);

    private static void Type(ChildProcess client, byte[] bytes)
    {
        client.Input.Write(bytes);
        client.Input.Flush();
    }

    [Fact]
    public void Our_client_talks_to_a_mosquitto_with_a_key_file()
    {
        int port = FreePorts.Take();
        string directory = fleet.Lab.Directory.Create("psk-broker");
        File.WriteAllText(Path.Combine(directory, "keys"), $"{PskIdentity}:{PskKey}\n");
        File.WriteAllText(Path.Combine(directory, "mosquitto.conf"),
            $"user root\nlistener {Text(port)} 127.0.0.1\npsk_file {directory}/keys\npsk_hint test\nallow_anonymous true\nlog_type all\nlog_dest stdout\n");
        using ChildProcess broker = ChildProcess.Start("stdbuf", ["-oL", "mosquitto", "-c", Path.Combine(directory, "mosquitto.conf")]);
        Poll.Until(() => Answers(port), "mosquitto listens", broker.Tail);
        // Mosquitto may end TCP by a reset, so how the client ends is not asked, and what came before it is.
        using ChildProcess client = ChildProcess.Start(Repository.Gateway, ["client", "tls", $"127.0.0.1:{Text(port)}", "--identity", PskIdentity, "--key", PskKey]);
        Type(client, [.. MqttBytes.Connect("c"), .. MqttBytes.Publish("t", "x")]);
        broker.WaitForLine(line => line.Contains("Sending PUBACK to c", StringComparison.Ordinal), "mosquitto acknowledges");
    }

    [Fact]
    public void Our_client_talks_through_a_stunnel_server()
    {
        int port = FreePorts.Take();
        using ChildProcess stunnel = Stunnel($"accept = 127.0.0.1:{Text(port)}\nconnect = 127.0.0.1:{Text(fleet.Lab.Broker.Port)}\nsslVersion = TLSv1.3\n", PskIdentity, PskKey, port);
        CommandResult result = Client(port, [.. MqttBytes.Connect("c", "someone"), .. MqttBytes.Disconnect]);
        Assert.Equal(" \u0002\0\0", result.Output);
    }

    [Fact]
    public void Our_client_talks_to_a_Node_server()
    {
        int port = FreePorts.Take();
        using ChildProcess server = ChildProcess.Start("node", ["-e", $$"""
            const server = require('tls').createServer({ minVersion: 'TLSv1.3', pskCallback: (socket, identity) => identity === '{{PskIdentity}}' ? Buffer.from('{{PskKey}}', 'hex') : null },
              socket => socket.on('data', data => socket.end('got ' + data)));
            server.listen({{Text(port)}}, '127.0.0.1', () => console.log('listening'));
            """]);
        server.WaitForLine(line => line == "listening", "Node listens");
        Assert.Equal("got hello", Client(port, "hello"u8.ToArray()).Output);
    }

    private static bool Answers(int port)
    {
        try
        {
            using var connection = new RawConnection(port);
            return true;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }

    private string[] OpensslArguments(string device)
    {
        fleet.Enroll(device);
        return fleet.OpensslArguments(device);
    }

    // The peers have their own ways to end TCP; what counts is what came.
    private static CommandResult Client(int port, byte[] input) =>
        ChildProcess.Run(Repository.Gateway, ["client", "tls", $"127.0.0.1:{Text(port)}", "--identity", PskIdentity, "--key", PskKey], input: input);

    private ChildProcess Stunnel(string service, string identity, string key, int port)
    {
        string directory = fleet.Lab.Directory.Create("stunnel-" + Text(port)), keys = Path.Combine(directory, "keys"), configuration = Path.Combine(directory, "stunnel.conf");
        File.WriteAllText(keys, $"{identity}:{key}\n");
        File.SetUnixFileMode(keys, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllText(configuration, $"foreground = yes\npid =\n[psk]\n{service}ciphers = PSK\nPSKsecrets = {keys}\n", Encoding.ASCII);
        ChildProcess stunnel = ChildProcess.Start("stunnel", [configuration]);
        stunnel.WaitForLine(line => line.Contains("Configuration successful", StringComparison.Ordinal), "stunnel is configured");
        return stunnel;
    }
}
