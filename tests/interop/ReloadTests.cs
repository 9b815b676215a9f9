using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;
using IotPsk.Tls;

namespace IotPsk.Interop.Tests;

/// <summary>SIGHUP: what is configured anew holds for whoever comes next, and nobody who is there is disturbed.</summary>
public sealed class ReloadTests : IDisposable
{
    private readonly Fleet _fleet = new();
    private readonly ChildProcess _subscriber;
    private int _pings;

    public ReloadTests() => _subscriber = _fleet.Lab.Broker.Subscribe("iotpsk/#");

    private GatewayProcess Gateway => _fleet.Gateway;

    private JsonArray Ports => Gateway.Configuration["Listeners"]!.AsArray();

    public void Dispose()
    {
        _subscriber.Dispose();
        _fleet.Dispose();
    }

    [Fact]
    public async Task Under_load_a_row_of_reloads_cuts_no_session_and_loses_no_message()
    {
        const int Devices = 8, Reloads = 6;
        string[] devices = [.. Enumerable.Range(1, Devices).Select(i => string.Create(CultureInfo.InvariantCulture, $"busy-{i}"))];
        _fleet.EnrollMany(devices);
        using var done = new CancellationTokenSource();
        using OurDtlsClient association = Associate("sleepy-1");
        ChildProcess[] clients = [.. devices.Select(_fleet.HoldCore)];
        double closed = Gateway.Metric("iotpsk_sessions_closed_total");
        try
        {
            Task<int>[] publishing = [.. clients.Zip(devices, (client, device) => PublishAsync(client, device, done.Token))];
            for (int i = 1; i <= Reloads; i++)
            {
                // Every time something else, and back again.
                Gateway.Configuration["Limits"] = new JsonObject { ["HandshakeSeconds"] = 10 + i % 2, ["HalfOpenPerPrefix"] = 1000 * (i % 2), ["SessionsPerDevice"] = i % 3, ["TicketHours"] = 24 * (i % 2) };
                Ports[0]!["AllowPskKe"] = i % 2 == 0;
                if (i % 2 == 0)
                    Ports.RemoveAt(Ports.Count - 1);
                else
                    Ports.Add((JsonNode)new JsonObject { ["Name"] = "more", ["Protocol"] = "tunnel", ["Listen"] = $"tcp://127.0.0.1:{FreePorts.Take()}" });
                Reload("Reloaded: ");
            }
            await done.CancelAsync();
            int sent = (await Task.WhenAll(publishing)).Sum();
            Assert.All(clients, client => Assert.False(client.HasExited));
            Assert.Equal(closed, Gateway.Metric("iotpsk_sessions_closed_total"));
            Assert.True(sent >= Devices * Reloads, "the clients were busy");
            Poll.Until(() => _subscriber.Lines.Count(line => line.Contains("/busy ", StringComparison.Ordinal)) == sent, $"the broker got all {sent} messages");
            Ping(association);
        }
        finally
        {
            Array.ForEach(clients, client => client.Dispose());
        }
    }

    [Fact]
    public void A_wrong_file_is_told_with_every_error_and_changes_nothing()
    {
        _fleet.Enroll("stays-1");
        using ChildProcess client = _fleet.HoldCore("stays-1");
        string good = File.ReadAllText(Gateway.ConfigurationFile);
        Ports[0]!["Upstrem"] = "tcp://127.0.0.1:1";
        Gateway.Configuration["Limits"] = new JsonObject { ["HandshakeSeconds"] = 0, ["TicketHours"] = 1000 };
        Gateway.WriteConfiguration();
        int mark = Gateway.Mark();
        Gateway.Process.Signal("HUP");
        foreach (string path in (string[])["$.Listeners[0].Upstrem", "$.Limits.HandshakeSeconds", "$.Limits.TicketHours"])
            Gateway.WaitForLog(mark, "is not taken over", path);

        // Valid, but not to be had: the port is taken, and what was open stays open.
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        JsonNode changed = JsonNode.Parse(good)!;
        changed["Listeners"]![1]!["Listen"] = $"tcp://127.0.0.1:{((IPEndPoint)taken.LocalEndpoint).Port}";
        changed["Listeners"]![0]!["Upstream"] = "tcp://127.0.0.1:1";
        File.WriteAllText(Gateway.ConfigurationFile, changed.ToJsonString());
        Gateway.Process.Signal("HUP");
        Gateway.WaitForLog(mark, "is not taken over", "Listener 'http' cannot listen");

        changed["Listeners"]![1]!["Listen"] = JsonNode.Parse(good)!["Listeners"]![1]!["Listen"]!.DeepClone();
        changed["Admin"]!["TokenFile"] = "/nonexistent/token";
        File.WriteAllText(Gateway.ConfigurationFile, changed.ToJsonString());
        Gateway.Process.Signal("HUP");
        Gateway.WaitForLog(mark, "is not taken over", "the admin token cannot be read");

        File.WriteAllText(Gateway.ConfigurationFile, good);
        Assert.True(_fleet.Serves("good-1"), "the old upstream counts");
        Assert.Contains("HTTP/1.1 200", AskHttp(), StringComparison.Ordinal);
        Assert.False(client.HasExited);
    }

    [Fact]
    public void Listeners_move_lead_elsewhere_and_go_and_what_needs_a_restart_is_named()
    {
        using ChildProcess client = _fleet.HoldCore("good-1");
        using OurDtlsClient association = Associate("sleepy-1");
        double handshakes = Gateway.Metric("iotpsk_handshakes_completed_total");
        int port = FreePorts.Take(), coap = FreePorts.Take();
        Ports[0]!["Listen"] = $"tcp://127.0.0.1:{port}";
        Ports[2]!["Listen"] = $"udp://127.0.0.1:{coap}";
        Gateway.Configuration["Tpm"]!["EncryptSession"] = true;
        int mark = Gateway.Mark();
        string line = Reload("Reloaded: ");
        Assert.Contains($"mqtt on 127.0.0.1:{port} ", line, StringComparison.Ordinal);
        Gateway.WaitForLog(mark, "only a restart", "$.Tpm.EncryptSession");
        Assert.False(client.HasExited);
        Assert.NotNull(_fleet.SessionOf("good-1"));
        Assert.False(Connects(Gateway.Port));
        Assert.True(Connects(port));
        // The association went along with its listener.
        association.Rebind(coap);
        Ping(association);
        Assert.Equal(handshakes, Gateway.Metric("iotpsk_handshakes_completed_total"));

        Ports[0]!["Upstream"] = $"tcp://127.0.0.1:{FreePorts.Take()}";
        Ports.RemoveAt(1);
        Reload("Reloaded: ");
        Assert.False(client.HasExited, "a session keeps the upstream it has");
        Assert.False(Connects(Gateway.TunnelPort));
        Ports.RemoveAt(0);
        Reload("Reloaded: ");
        Assert.Equal(0, client.WaitForExit());
        Assert.Equal(1, Gateway.Metric("iotpsk_sessions_closed_total", "reason=\"ListenerRemoved\""));
    }

    private string Reload(string expected)
    {
        Gateway.WriteConfiguration();
        int mark = Gateway.Mark();
        Gateway.Process.Signal("HUP");
        return Gateway.WaitForLog(mark, expected);
    }

    // QoS 0 after QoS 0, each with a place in the order; how many.
    private static async Task<int> PublishAsync(ChildProcess client, string device, CancellationToken stop)
    {
        for (int sent = 0; ; sent++)
        {
            if (stop.IsCancellationRequested)
                return sent;
            await client.Input.WriteAsync(MqttBytes.Publish($"iotpsk/{device}/busy", sent.ToString(CultureInfo.InvariantCulture)), CancellationToken.None);
            await client.Input.FlushAsync(CancellationToken.None);
            await Task.Delay(5, CancellationToken.None);
        }
    }

    private OurDtlsClient Associate(string device)
    {
        (string identity, string key) = _fleet.NewDevice(device, "tls12");
        using var credential = new PskTlsCredential(Encoding.ASCII.GetBytes(identity), Convert.FromHexString(key), PskBinder.External, TlsHash.Sha256);
        var client = new OurDtlsClient(Gateway.CoapPort, new PskDtlsClientOptions { Credential = credential, CipherSuites = [CipherSuite.TLS_PSK_WITH_AES_128_CCM_8], OfferConnectionId = true });
        client.Connect();
        return client;
    }

    // A ping of CoAP is answered by a reset (RFC 7252 s4.3).
    private void Ping(OurDtlsClient client)
    {
        string id = new(['\u0001', (char)++_pings]);
        client.Send("\u0040\0" + id);
        client.Hear("\u0070\0" + id);
    }

    private string AskHttp()
    {
        CommandResult result = ChildProcess.Run(Repository.Gateway,
            ["client", "tls", $"127.0.0.1:{Gateway.TunnelPort}", "--bundle", _fleet.BundleFile("good-1")],
            input: "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"u8.ToArray());
        return result.ToString();
    }

    private static bool Connects(int port)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
