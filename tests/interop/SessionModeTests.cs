using System.Formats.Asn1;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using IotPsk.Interop.Tests.Support;
using IotPsk.Shared;

namespace IotPsk.Interop.Tests;

/// <summary>Devices in session mode, seen from the bus to the TPM: tpm2-tss itself captures what the serving gateway sends (tcti-pcap).</summary>
public sealed class SessionModeTests : IDisposable
{
    private const string ToolsNoDa = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt";
    private static readonly Lazy<string> OpensslClient = new(() =>
    {
        string program = Path.Combine(Repository.LogDirectory("session-mode-client"), "session_client");
        CommandResult built = ChildProcess.Run("gcc", ["-O1", "-Wall", "-o", program, Path.Combine(Repository.Root, "tests", "interop", "session_client.c"), "-lssl", "-lcrypto"]);
        Assert.True(built.ExitCode == 0, built.ToString());
        return program;
    });

    private readonly Lab _lab = new();
    private readonly string _capture;

    public SessionModeTests()
    {
        _capture = _lab.Directory.File("tpm.pcapng");
        Gateway.Must("fleet", "init", "--server-id", Lab.ServerId);
    }

    public void Dispose() => _lab.Dispose();

    private GatewayProcess Gateway => _lab.Gateway;

    [Fact]
    public void Each_session_is_one_hmac_on_the_bus_with_either_client_and_transport_and_both_forms_of_randoms()
    {
        string[] devices = ["s-32", "s-28"];
        foreach (string device in devices)
        {
            File.WriteAllBytes(F(device + ".key"), RandomNumberGenerator.GetBytes(32));
            Gateway.Must("device", "enroll", device, "--mode", "session", "--randoms", device[2..], "--key-file", F(device + ".key"), "--format", "bundle", "-o", F(device + ".cred"));
        }

        StartCaptured();
        foreach (string device in devices)
        {
            string key = Convert.ToHexStringLower(File.ReadAllBytes(F(device + ".key")));
            int randoms = int.Parse(device[2..], CultureInfo.InvariantCulture);
            ToldOneHmac(() => ByOpenssl("tls", Gateway.Port, device, key, randoms, MqttBytes.Visit(device, Fleet.NewPayload())), "@");
            ToldOneHmac(() => ByOpenssl("dtls", Gateway.CoapPort, device, key, randoms, Echo("by openssl")), "by openssl");
            ToldOneHmac(() => Fleet.AskByDatagram(Gateway.CoapPort, F(device + ".cred"), Echo("by the core\n"), "by the core"), "by the core");
            ToldOneHmac(() => ByCore(device, MqttBytes.Visit(device, Fleet.NewPayload())), "@");
        }
    }

    [Fact]
    public void A_wrong_key_is_refused_over_TCP_and_the_core_says_so()
    {
        Gateway.Must("device", "enroll", "s-32", "--mode", "session", "--format", "bundle", "-o", F("s-32.cred"));
        byte[] content = File.ReadAllBytes(F("s-32.cred"));
        CredentialBundle bundle = CredentialBundle.Decode(content, 0, content.Length);
        bundle.Tls12Key[0] ^= 1;
        File.WriteAllBytes(F("s-32.cred"), bundle.Encode());
        Gateway.Start();

        CommandResult refused = ByCore("s-32", MqttBytes.Visit("s-32", "x"));

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("refused", refused.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_key_that_tpm2_tools_made_under_a_primary_key_of_theirs_is_taken_and_theirs_load_ours(bool noDa)
    {
        byte[] secret = RandomNumberGenerator.GetBytes(32);
        File.WriteAllBytes(F("raw"), secret);
        Tool("createprimary", ["-C", "o", "-G", "ecc", "-c", F("primary"), .. noDa ? (string[])["-a", ToolsNoDa] : []]);
        Tool("import", "-C", F("primary"), "-G", "hmac", "-i", F("raw"), "-u", F("pub"), "-r", F("priv"));
        Tool("flushcontext", "-t");
        Tool("load", "-C", F("primary"), "-u", F("pub"), "-r", F("priv"), "-c", F("loaded"));
        Tool("flushcontext", "-t");
        Tool("encodeobject", "-C", F("primary"), "-u", F("pub"), "-r", F("priv"), "-o", F("pem"));
        Tool("flushcontext", "-t");
        Gateway.Must("device", "enroll", "s-theirs", "--mode", "session", "--key-pem", F("pem"));
        Gateway.Must("device", "enroll", "s-ours", "--mode", "session", "--key-file", F("raw"));
        StartCaptured();

        foreach (string device in (string[])["s-theirs", "s-ours"])
            ToldOneHmac(() => ByOpenssl("tls", Gateway.Port, device, Convert.ToHexStringLower(secret), 32, MqttBytes.Visit(device, Fleet.NewPayload())), "@");

        // tpm2_load 5.4 does not take a PEM of a key that signs by HMAC, its own neither: what is in it goes there as two files.
        (string parent, byte[] ourPublic, byte[] ourPrivate) = Open(Gateway.MustJson("device", "show", "s-ours")["wrappedKey"]!.GetValue<string>());
        File.WriteAllBytes(F("ours.pub"), ourPublic);
        File.WriteAllBytes(F("ours.priv"), ourPrivate);
        File.WriteAllText(F("message"), "message");
        Tool("load", "-C", parent, "-u", F("ours.pub"), "-r", F("ours.priv"), "-c", F("ours"));
        Tool("flushcontext", "-t");
        CommandResult hmac = _lab.Tpm.Tool("hmac", "-c", F("ours"), "-g", "sha256", "--hex", F("message"));
        Assert.Equal(Convert.ToHexStringLower(HMACSHA256.HashData(secret, "message"u8)), hmac.Output.Trim());
    }

    /// <summary>TSS2 PRIVATE KEY: parent, TPM2B_PUBLIC, TPM2B_PRIVATE.</summary>
    private static (string Parent, byte[] Public, byte[] Private) Open(string pem)
    {
        PemFields fields = PemEncoding.Find(pem);
        Assert.Equal("TSS2 PRIVATE KEY", pem[fields.Label]);
        AsnReader key = new AsnReader(Convert.FromBase64String(pem[fields.Base64Data]), AsnEncodingRules.BER).ReadSequence();
        Assert.Equal("2.23.133.10.1.3", key.ReadObjectIdentifier());
        while (key.PeekTag().TagClass == TagClass.ContextSpecific)
            key.ReadEncodedValue();
        return ("0x" + key.ReadInteger().ToString("x8", CultureInfo.InvariantCulture)[^8..], key.ReadOctetString(), key.ReadOctetString());
    }

    private void ToldOneHmac(Func<CommandResult> visit, string words)
    {
        int hmacs = TpmCapture.Hmacs(_capture);
        double counted = Gateway.Metric("iotpsk_tpm_commands_total", "command=\"Hmac\"");
        CommandResult result = visit();
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains(words, result.Output, StringComparison.Ordinal);
        Assert.Equal(1, TpmCapture.Hmacs(_capture) - hmacs);
        Assert.Equal(1, Gateway.Metric("iotpsk_tpm_commands_total", "command=\"Hmac\"") - counted);
    }

    private static CommandResult ByOpenssl(string transport, int port, string device, string key, int randoms, byte[] input) => ChildProcess.Run(OpensslClient.Value,
        [transport, "127.0.0.1", Text(port), device + "~s", key, Text(randoms), transport == "tls" ? "PSK-AES128-GCM-SHA256" : "PSK-AES128-CCM8"], input: input);

    /// <summary>The device's C core: the bundle says that it is in session mode, and of what the PSK of a session is made.</summary>
    private CommandResult ByCore(string device, byte[] input) => ChildProcess.Run(Path.Combine(Repository.NativeBuild, "iotpsk-psk-client"),
        // It ends when the broker does.
        ["127.0.0.1", Text(Gateway.Port), "--bundle", F(device + ".cred"), "--timeout", "30000", "--wait", "10000"], input: input);

    private void StartCaptured()
    {
        string plain = Gateway.Configuration["Tpm"]!["Tcti"]!.GetValue<string>();
        Gateway.Configuration["Tpm"]!["Tcti"] = TpmCapture.Tcti(plain);
        Gateway.WriteConfiguration();
        Gateway.Environment[TpmCapture.FileVariable] = _capture;
        Gateway.Start();
        // The verbs that follow have nothing to capture.
        Gateway.Configuration["Tpm"]!["Tcti"] = plain;
        Gateway.WriteConfiguration();
    }

    /// <summary>CoAP: POST /echo, confirmable.</summary>
    private static byte[] Echo(string payload) => [0x40, 0x02, 0x12, 0x34, 0xb4, .. "echo"u8, 0xff, .. Encoding.ASCII.GetBytes(payload)];

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private string F(string name) => _lab.Directory.File(name);

    private void Tool(string name, params string[] arguments)
    {
        CommandResult result = _lab.Tpm.Tool(name, arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
    }
}
