using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>The program <c>iotpsk-device --dtls</c> at the gateway's lwm2m listener.</summary>
public sealed class DatagramProgramTests(Fleet fleet) : IClassFixture<Fleet>
{
    private string Vault(string device) => fleet.Lab.Directory.File("vault-" + device);

    private CommandResult Run(string device, params string[] arguments) =>
        ChildProcess.Run(Repository.Device, ["--vault", Vault(device), "--dtls", "--interval", "0", "--first-timeout", "1000", "--json", .. arguments]);

    private static JsonNode[] Events(CommandResult result, string name)
    {
        Assert.True(result.ExitCode == 0, result.ToString());
        return [.. result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!).Where(e => e["event"]!.GetValue<string>() == name)];
    }

    private double Handshakes => fleet.Gateway.Metric("iotpsk_handshakes_completed_total");

    [Fact]
    public void A_bundle_leads_to_the_listener_and_the_device_is_answered()
    {
        fleet.Enroll("coap-1");
        CommandResult result = Run("coap-1", "--bundle", fleet.BundleFile("coap-1"), "--count", "3", "--once");
        JsonNode connected = Assert.Single(Events(result, "connected"));
        Assert.Equal(("DTLSv1.2", "PSK", false, true), (connected["version"]!.GetValue<string>(), connected["keyExchange"]!.GetValue<string>(),
            connected["resumed"]!.GetValue<bool>(), connected["connectionId"]!.GetValue<bool>()));
        JsonNode[] answers = Events(result, "acknowledged");
        Assert.Equal(["2.04", "2.04", "2.04"], answers.Select(answer => answer["code"]!.GetValue<string>()));
        Assert.All(answers, answer => Assert.Equal("coap-1", JsonNode.Parse(answer["payload"]!.GetValue<string>())!["device"]!.GetValue<string>()));
    }

    [Fact]
    public void A_sleeping_device_wakes_up_into_data_in_every_process_and_after_a_graceful_restart_of_the_gateway()
    {
        fleet.Enroll("coap-2");
        Events(Run("coap-2", "--bundle", fleet.BundleFile("coap-2"), "--count", "1", "--once", "--sleep"), "done");
        double before = Handshakes;
        Assert.Equal([true, true], Events(Run("coap-2", "--count", "2", "--once", "--sleep"), "connected").Select(e => e["resumed"]!.GetValue<bool>()));
        Assert.Equal(before, Handshakes);

        fleet.Gateway.Stop();
        fleet.Gateway.Start();
        Assert.Equal([true, true], Events(Run("coap-2", "--count", "2", "--once", "--sleep"), "connected").Select(e => e["resumed"]!.GetValue<bool>()));
        Assert.Equal(0, Handshakes);
    }

    [Fact]
    public void ECDHE_PSK_is_agreed_on_when_the_device_wants_it()
    {
        fleet.Enroll("coap-3");
        JsonNode connected = Assert.Single(Events(Run("coap-3", "--bundle", fleet.BundleFile("coap-3"), "--count", "1", "--once", "--ecdhe"), "connected"));
        Assert.Equal(("ECDHE_PSK", "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256"), (connected["keyExchange"]!.GetValue<string>(), connected["suite"]!.GetValue<string>()));
    }

    [Theory]
    [InlineData("coap-4", 32)]
    [InlineData("coap-5", 28, "--short-randoms")]
    public void A_device_in_session_mode_is_answered_by_one_hmac_of_the_TPM(string device, int randoms, params string[] options)
    {
        string file = fleet.Lab.Directory.File(device + ".csv");
        fleet.Gateway.Must("device", "enroll", device, "--mode", "session", "--randoms", randoms.ToString(CultureInfo.InvariantCulture), "-o", file);
        string[] credential = File.ReadAllText(file).Trim().Split(',');
        // The core takes bundles, and in this one only what is for DTLS has a meaning.
        fleet.Enroll(device + "-template");
        string bundle = fleet.ChangedBundle(device + "-template", b => (b.Tls12Identity, b.Tls12Key) =
            (Encoding.ASCII.GetBytes(credential[0]), Convert.FromHexString(credential[1])));
        double hmacs = fleet.HmacCommands;
        byte[] request = [0x40, 0x02, 0x12, 0x34, 0xb4, .. "echo"u8, 0xff, .. "one hmac\n"u8];
        CommandResult core = Fleet.AskByDatagram(fleet.Gateway.CoapPort, bundle, request, "one hmac", ["--session-key", .. options]);
        Assert.True(core.ExitCode == 0, core.ToString());
        Assert.Equal(1, fleet.HmacCommands - hmacs);
    }
}
