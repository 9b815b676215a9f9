using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;
using IotPsk.Shared;

namespace IotPsk.Interop.Tests;

/// <summary>Devices with keys of their own in the TPM, from the enrolment to the broker.</summary>
public sealed class OwnKeyTests(Fleet fleet) : IClassFixture<Fleet>
{
    private const string Psk = "PSK-AES128-GCM-SHA256", EcdhePsk = "ECDHE-PSK-CHACHA20-POLY1305";
    private static readonly Lazy<string> Client = new(() =>
    {
        string program = Path.Combine(Repository.LogDirectory("session-client"), "session_client");
        CommandResult built = ChildProcess.Run("gcc", ["-O1", "-Wall", "-o", program, Path.Combine(Repository.Root, "tests", "interop", "session_client.c"), "-lssl", "-lcrypto"]);
        Assert.True(built.ExitCode == 0, built.ToString());
        return program;
    });

    private GatewayProcess Gateway => fleet.Gateway;

    [Theory]
    [InlineData("ses-1", 32, Psk)]
    [InlineData("ses-2", 28, Psk)]
    [InlineData("ses-3", 32, EcdhePsk)]
    public void Session_device_reaches_the_broker_by_one_hmac_a_session(string device, int randoms, string cipher)
    {
        string file = fleet.Lab.Directory.File(device + ".csv");
        Gateway.Must("device", "enroll", device, "--mode", "session", "--randoms", randoms.ToString(CultureInfo.InvariantCulture), "-o", file);
        string[] credential = File.ReadAllText(file).Trim().Split(',');
        Assert.Equal(device + "~s", credential[0]);
        double hmacs = fleet.HmacCommands;

        for (int i = 0; i < 3; i++)
            Assert.True(Visits(device, credential[1], randoms, cipher, out string said), said);

        Assert.Equal(3, fleet.HmacCommands - hmacs);
        Assert.False(Visits(device, credential[1], 60 - randoms, cipher, out _));                 // the other form of randoms
        Assert.False(Visits(device, Convert.ToHexStringLower(new byte[32]), randoms, cipher, out _));
        // It is written with the next look at the registry.
        Poll.Until(() => Gateway.MustJson("device", "show", device)["lastEpoch"]?.GetValue<int>() == -2, "the registry knows what key the device used");
    }

    [Theory]
    [InlineData("ses-u1", 32, "PSK-AES128-CCM8")]
    [InlineData("ses-u2", 28, Psk)]
    public void Session_device_exchanges_datagrams_by_one_hmac_an_association(string device, int randoms, string cipher)
    {
        string file = fleet.Lab.Directory.File(device + ".csv");
        Gateway.Must("device", "enroll", device, "--mode", "session", "--randoms", randoms.ToString(CultureInfo.InvariantCulture), "-o", file);
        string key = File.ReadAllText(file).Trim().Split(',')[1];
        double hmacs = fleet.HmacCommands;
        // CoAP: POST /echo, confirmable.
        byte[] request = [0x40, 0x02, 0x12, 0x34, 0xb4, .. "echo"u8, 0xff, .. "hi"u8];

        CommandResult result = ChildProcess.Run(Client.Value, ["dtls", "127.0.0.1", Gateway.CoapPort.ToString(CultureInfo.InvariantCulture), device + "~s", key,
            randoms.ToString(CultureInfo.InvariantCulture), cipher], input: request);

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.EndsWith("hi", result.Output, StringComparison.Ordinal);
        Assert.Equal(1, fleet.HmacCommands - hmacs);
    }

    [Fact]
    public void A_session_key_that_tpm2_tools_wrapped_is_taken_and_ours_is_loaded_by_them()
    {
        byte[] secret = RandomNumberGenerator.GetBytes(32);
        string raw = fleet.Lab.Directory.File("raw.key"), pub = fleet.Lab.Directory.File("k.pub"), priv = fleet.Lab.Directory.File("k.priv"), pem = fleet.Lab.Directory.File("k.pem");
        File.WriteAllBytes(raw, secret);
        Tool("import", "-C", "0x81000001", "-G", "hmac", "-i", raw, "-u", pub, "-r", priv);
        Tool("flushcontext", "-t");
        Tool("encodeobject", "-C", "0x81000001", "-u", pub, "-r", priv, "-o", pem);
        Tool("flushcontext", "-t");

        CommandResult taken = Gateway.Run("device", "enroll", "ses-pem", "--mode", "session", "--key-pem", pem);
        Assert.True(taken.ExitCode == 0, taken.ToString());
        Assert.Contains("noda", taken.Error, StringComparison.Ordinal);
        Assert.True(Visits("ses-pem", Convert.ToHexStringLower(secret), 32, Psk, out string said), said);

        Gateway.Must("device", "enroll", "ses-raw", "--mode", "session", "--key-file", raw);
        Assert.True(Visits("ses-raw", Convert.ToHexStringLower(secret), 32, Psk, out said), said);
        Assert.StartsWith("-----BEGIN TSS2 PRIVATE KEY-----", Gateway.MustJson("device", "show", "ses-raw")["wrappedKey"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public void Resident_device_is_served_from_the_cache_after_its_first_hmac_and_never_gets_its_credentials_again()
    {
        string bundle = fleet.Lab.Directory.File("res-1.cred");
        Gateway.Must("device", "enroll", "res-1", "--mode", "resident", "--format", "bundle", "-o", bundle);
        double hmacs = fleet.HmacCommands;

        Assert.True(fleet.Serves("res-1"));
        Assert.True(fleet.Serves("res-1"));

        Assert.Equal(1, fleet.HmacCommands - hmacs);
        byte[] content = File.ReadAllBytes(bundle);
        Assert.Equal(0, CredentialBundle.Decode(content, 0, content.Length).Epoch);
        CommandResult again = Gateway.Run("device", "credentials", "res-1", "--format", "csv");
        Assert.Equal(1, again.ExitCode);
        Assert.Contains("handed out at its enrolment", again.Error, StringComparison.Ordinal);
        Gateway.Must("device", "revoke", "res-1");
        Assert.False(fleet.Serves("res-1"));
    }

    [Fact]
    public void Many_devices_with_keys_of_their_own_are_enrolled_at_once_or_not_at_all()
    {
        string file = fleet.Lab.Directory.File("many.json"), bundles = fleet.Lab.Directory.File("many");
        Gateway.Must("device", "enroll", "m-1", "--count", "20", "--mode", "session", "--format", "json", "-o", file);
        JsonNode[] lines = [.. File.ReadLines(file).Select(line => JsonNode.Parse(line)!)];
        Assert.Equal(20, lines.Select(line => line["key"]!.GetValue<string>()).Distinct().Count());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.True(Visits("m-7", lines[6]["key"]!.GetValue<string>(), 32, Psk, out string said), said);

        Gateway.Must("device", "enroll", "r-1", "--count", "5", "--mode", "resident", "--format", "bundle", "-o", bundles);
        Assert.Equal(5, Directory.GetFiles(bundles, "*.cred").Length);

        CommandResult overlapping = Gateway.Run("device", "enroll", "m-20", "--count", "5", "--mode", "session", "-o", fleet.Lab.Directory.File("more"));
        Assert.Equal(1, overlapping.ExitCode);
        Assert.Contains("m-20 is enrolled already", overlapping.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(fleet.Lab.Directory.File("more")));
        Assert.Equal(1, Gateway.Run("device", "show", "m-21").ExitCode);
    }

    [Theory]
    [InlineData(2, "add -o FILE", "--mode", "session")]
    [InlineData(2, "no meaning for derived keys", "--randoms", "28")]
    [InlineData(2, "--randoms is for session mode", "--mode", "resident", "--randoms", "28", "-o", "x")]
    [InlineData(2, "give 32 or 28", "--mode", "session", "--randoms", "30", "-o", "x")]
    [InlineData(1, "a bundle holds a key of 32 bytes", "--mode", "session", "--format", "bundle", "--key-file", "LONG", "-o", "x")]
    [InlineData(2, "one key is not for many", "--mode", "session", "--count", "2", "--key-file", "x")]
    [InlineData(1, "16 at least", "--mode", "session", "--key-file", "SHORT")]
    [InlineData(1, "no TSS2 PRIVATE KEY", "--mode", "session", "--key-pem", "SHORT")]
    public void Key_options_that_make_no_sense_are_refused(int exit, string words, params string[] options)
    {
        string weak = fleet.Lab.Directory.File("weak.key"), strong = fleet.Lab.Directory.File("strong.key");
        File.WriteAllBytes(weak, new byte[15]);
        File.WriteAllBytes(strong, RandomNumberGenerator.GetBytes(64));

        CommandResult refused = Gateway.Run(["device", "enroll", "odd-1", .. options.Select(option => option switch { "SHORT" => weak, "LONG" => strong, _ => option })]);

        Assert.Equal(exit, refused.ExitCode);
        Assert.Contains(words, refused.Error, StringComparison.Ordinal);
        Assert.Equal(1, Gateway.Run("device", "show", "odd-1").ExitCode);
    }

    [Fact]
    public void A_printable_key_is_taken_with_a_warning()
    {
        string file = fleet.Lab.Directory.File("printable.key");
        File.WriteAllText(file, "change this password to a secret");

        CommandResult taken = Gateway.Run("device", "enroll", "ses-text", "--mode", "session", "--key-file", file);

        Assert.Equal(0, taken.ExitCode);
        Assert.Contains("RFC 9257", taken.Error, StringComparison.Ordinal);
    }

    private bool Visits(string device, string key, int randoms, string cipher, out string said)
    {
        CommandResult result = ChildProcess.Run(Client.Value,
            ["tls", "127.0.0.1", Gateway.Port.ToString(CultureInfo.InvariantCulture), device + "~s", key, randoms.ToString(CultureInfo.InvariantCulture), cipher],
            input: MqttBytes.Visit(device, Fleet.NewPayload()));
        said = result.ToString();
        return result.ExitCode == 0 && result.Output == " \u0002\0\0@\u0002\0\u0001";
    }

    private void Tool(string name, params string[] arguments)
    {
        CommandResult result = fleet.Lab.Tpm.Tool(name, arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
    }
}
