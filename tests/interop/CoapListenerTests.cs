using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;
using IotPsk.TestSupport;
using IotPsk.Tls;

namespace IotPsk.Interop.Tests;

/// <summary>The listener lwm2m of the gateway: DTLS with keys of the fleet, CoAP on top.</summary>
public sealed class CoapListenerTests(Fleet fleet) : IClassFixture<Fleet>
{
    private static int s_messageId;
    private const string Ccm8 = "TLS_PSK_WITH_AES_128_CCM_8";

    private GatewayProcess Gateway => fleet.Gateway;

    private string CoapAddress => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Gateway.CoapPort}");

    [Theory]
    [InlineData(Ccm8, "psk")]
    [InlineData("TLS_PSK_WITH_AES_128_GCM_SHA256", "psk")]
    [InlineData("TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256", "ecdhe_psk")]
    public void Our_client_is_answered_with_its_bundle(string suite, string keyExchange)
    {
        string text = Fleet.NewPayload(), device = "coap-" + text;
        fleet.Enroll(device);
        CommandResult put = Ask(fleet.BundleFile(device), CoapAddress, text, "--put", "/echo", "--content-format", "0", "--suite", suite, "--json");
        Assert.True(put.ExitCode == 0, put.ToString());
        Assert.Equal(text, put.Output);
        JsonNode told = JsonNode.Parse(put.Error.Split('\n')[0])!;
        Assert.Equal(("DTLSv1.2", suite, keyExchange), (told["version"]!.GetValue<string>(), told["cipherSuite"]!.GetValue<string>(), told["keyExchange"]!.GetValue<string>()));
    }

    [Fact]
    public void What_is_not_served_is_told_by_code()
    {
        CommandResult result = Ask(fleet.BundleFile("good-1"), CoapAddress, "", "--get", "/nothing/here");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("4.04", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("openssl")]
    [InlineData("gnutls")]
    public void Libcoaps_clients_put_and_are_echoed(string library) => LibcoapPuts(library, CoapEndPoint);

    [Theory]
    [InlineData("openssl", 31)]
    [InlineData("gnutls", 32)]
    public void Libcoaps_clients_do_so_on_a_bad_network_too(string library, int seed)
    {
        using var relay = new UdpRelay(CoapEndPoint, new Impairment { Loss = 0.15, Duplication = 0.1, Reordering = 0.1, Delay = TimeSpan.FromMilliseconds(50) }, seed);
        LibcoapPuts(library, relay.EndPoint);
        Assert.True(relay.Dropped > 0, "nothing was lost");
    }

    private void LibcoapPuts(string library, IPEndPoint address)
    {
        // The program takes its key as text, so a key without a zero byte has to be found.
        string identity = "", key = "";
        while (key.Length == 0)
        {
            (identity, key) = fleet.NewDevice($"libcoap-{Interlocked.Increment(ref s_messageId)}", "tls12");
            if (Convert.FromHexString(key).Any(value => value is 0 or (byte)'\n'))
                key = "";
        }
        string bytes = string.Concat(Convert.FromHexString(key).Select(value => $"\\x{value:x2}"));
        string text = Fleet.NewPayload();
        CommandResult put = ChildProcess.Run("bash", ["-c", $"LC_ALL=C coap-client-{library} -B 60 -m put -u '{identity}' -k \"$(printf '{bytes}')\" -e {text} coaps://{address}/echo"]);
        Assert.True(put.ExitCode == 0 && put.Output.Contains(text, StringComparison.Ordinal), put.ToString());
    }

    [Fact]
    public void Openssl_connects_and_its_bytes_that_are_no_message_are_passed_over()
    {
        (string identity, string key) = fleet.NewDevice("dtls-openssl", "tls12");
        CommandResult result = ChildProcess.Run("openssl", ["s_client", "-dtls1_2", "-connect", CoapAddress, "-psk_identity", identity, "-psk", key, "-cipher", "PSK-AES128-CCM8:@SECLEVEL=0"],
            input: "hello\n"u8.ToArray());
        Assert.Contains("PSK-AES128-CCM8", result.Output, StringComparison.Ordinal);
        Assert.True(fleet.Serves("good-1"));
    }

    [Fact]
    public void A_wrong_key_and_a_stranger_meet_silence_and_the_log_says_who_it_was()
    {
        fleet.Enroll("dtls-wrong");
        // Silence takes each of them its ten seconds: they wait together.
        Parallel.ForEach((string[])["dtls-wrong~1", "nobody~1"], identity => Assert.Equal(1,
            ChildProcess.Run(Repository.Gateway, ["client", "dtls", CoapAddress, "--identity", identity, "--key", new string('0', 64), "--get", "/echo"]).ExitCode));
        Assert.Equal(0, Gateway.Metric("iotpsk_associations", "dtls-wrong"));
    }

    [Fact]
    public void Through_a_bad_network_that_changes_its_addresses_the_core_goes_on_without_a_handshake()
    {
        using var relay = new UdpRelay(CoapEndPoint, new Impairment { Loss = 0.1, Delay = TimeSpan.FromMilliseconds(200) }, seed: 11);
        using ChildProcess core = Core("dtls-nomad", relay.EndPoint, "--cid");
        Echo(core, "before");
        double moves = Gateway.Metric("iotpsk_address_moves_total", "Moved"), handshakes = Gateway.Metric("iotpsk_handshakes_completed_total");
        string remote = Device("dtls-nomad")!["remote"]!.GetValue<string>();
        relay.Rebind();
        Echo(core, "after");
        Assert.NotEqual(remote, Device("dtls-nomad")!["remote"]!.GetValue<string>());
        Assert.Equal(moves + 1, Gateway.Metric("iotpsk_address_moves_total", "Moved"));
        Assert.Equal(handshakes, Gateway.Metric("iotpsk_handshakes_completed_total"));
    }

    [Fact]
    public void Without_a_connection_id_it_is_dropped_and_nobody_is_disturbed()
    {
        using var relay = new UdpRelay(CoapEndPoint, new Impairment { Loss = 0.1, Delay = TimeSpan.FromMilliseconds(200) }, seed: 12);
        fleet.Enroll("dtls-settled");
        string bundle = fleet.ChangedBundle("dtls-settled", b => b.UseConnectionId = false);
        using ChildProcess core = Core(relay.EndPoint, bundle);
        Echo(core, "before");
        double dropped = Gateway.Metric("iotpsk_datagrams_dropped_total", "UnknownAddress");
        relay.Rebind();
        Poll.Until(() =>
        {
            Post(core, "after");
            return Gateway.Metric("iotpsk_datagrams_dropped_total", "UnknownAddress") > dropped;
        }, "its records are dropped");
        Assert.DoesNotContain(core.Lines, line => line.Contains("after", StringComparison.Ordinal));
        Assert.True(fleet.Serves("good-1"));
    }

    [Fact]
    public void A_device_that_only_asks_is_asked_back_where_it_moved_to_and_proves_its_address_by_the_answer()
    {
        (string identity, string key) = fleet.NewDevice("dtls-mover", "tls12");
        using var credential = new PskTlsCredential(Encoding.ASCII.GetBytes(identity), Convert.FromHexString(key), PskBinder.External, TlsHash.Sha256);
        using var client = new OurDtlsClient(Gateway.CoapPort, new PskDtlsClientOptions { Credential = credential });
        client.Connect();
        double proved = Gateway.Metric("iotpsk_address_moves_total", "Confirmed");
        client.Rebind();
        client.Send("\u0040\0\u0012\u0034");
        client.Hear("\u0070\0\u0012\u0034");
        client.AnswerPings(() => Gateway.Metric("iotpsk_address_moves_total", "Confirmed") > proved);
    }

    [Fact]
    public void A_revocation_ends_the_association_at_once()
    {
        using ChildProcess core = Core("dtls-revoked", CoapEndPoint, "--cid");
        Echo(core, "alive");
        Gateway.Must("device", "revoke", "dtls-revoked");
        Poll.Until(() => Device("dtls-revoked") is null, "its association is gone", patience: TimeSpan.FromSeconds(5));
        core.WaitForExit();
    }

    [Fact]
    public void A_device_has_one_association_and_the_newest_counts()
    {
        using ChildProcess first = Core("dtls-twice", CoapEndPoint, "--cid");
        Echo(first, "first");
        using ChildProcess second = Core("dtls-twice", CoapEndPoint, "--cid");
        Echo(second, "second");
        Assert.Equal(1, Gateway.Sessions().Count(Is("dtls-twice")));
        first.WaitForExit();
        Echo(second, "still there");
    }

    private static CommandResult Ask(string bundle, string address, string input, params string[] arguments) =>
        ChildProcess.Run(Repository.Gateway, ["client", "dtls", address, "--bundle", bundle, .. arguments], input: Encoding.UTF8.GetBytes(input));

    private IPEndPoint CoapEndPoint => new(IPAddress.Loopback, Gateway.CoapPort);

    /// <summary>The device's C core, for as long as the test wants.</summary>
    private ChildProcess Core(string device, IPEndPoint address, params string[] options)
    {
        if (Gateway.Run("device", "show", device).ExitCode != 0)
            fleet.Enroll(device);
        return Core(address, fleet.BundleFile(device), options);
    }

    private static ChildProcess Core(IPEndPoint address, string bundle, params string[] options) => ChildProcess.Start(Path.Combine(Repository.NativeBuild, "iotpsk-psk-client"),
        ["127.0.0.1", address.Port.ToString(CultureInfo.InvariantCulture), "--bundle", bundle, "--dtls", "--first-timeout", "1000", "--wait", "600000", .. options]);

    /// <summary>A request that is made again, as something new, until its answer has come.</summary>
    private static void Echo(ChildProcess core, string text) => Poll.Until(() =>
    {
        Post(core, text);
        return core.Lines.Any(line => line.Contains(text, StringComparison.Ordinal));
    }, $"{text} comes back", core.Tail);

    // Confirmable POST to /echo; the line ends so that it shows as one.
    private static void Post(ChildProcess core, string text)
    {
        int id = Interlocked.Increment(ref s_messageId);
        core.Input.Write([0x40, 0x02, (byte)(id >> 8), (byte)id, 0xb4, .. "echo"u8, 0xff, .. Encoding.ASCII.GetBytes(text), (byte)'\n']);
        core.Input.Flush();
        Thread.Sleep(100);
    }

    private static Func<JsonNode?, bool> Is(string device) => session => session!["device"]!.GetValue<string>() == device && session["listener"]!.GetValue<string>() == "lwm2m";

    private JsonNode? Device(string device) => Gateway.Sessions().FirstOrDefault(Is(device));
}
