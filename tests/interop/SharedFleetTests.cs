using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>Two gateways with a TPM each and one fleet, by the verbs; openssl is the authority.</summary>
public sealed class SharedFleetTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly Swtpm _a;
    private readonly Swtpm _b;

    public SharedFleetTests()
    {
        string logs = Repository.LogDirectory("shared-fleet");
        _a = new Swtpm(_directory.Create("tpm-a"), logs);
        _b = new Swtpm(_directory.Create("tpm-b"), logs);
        Openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", F("authority.key"));
        Openssl("ec", "-in", F("authority.key"), "-pubout", "-out", F("authority.pub"));
    }

    public void Dispose()
    {
        _a.Dispose();
        _b.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void A_fleet_goes_to_a_second_gateway_that_its_authority_signed_for_and_takes_over_when_the_first_dies()
    {
        Done(_a, "fleet", "init", "--server-id", "fleet-1", "--shareable", "--authority", F("authority.pub"));
        Done(_a, "device", "enroll", "dev-1");
        string key = Done(_a, "device", "credentials", "dev-1", "--for", "tls13", "--format", "csv");
        string fingerprint = JsonNode.Parse(Done(_b, "fleet", "srk-public", "-o", F("b.srk"), "--json"))!["fingerprint"]!.GetValue<string>();
        Done(_a, "fleet", "export-to", F("b.srk"), "--fingerprint", fingerprint, "-o", F("to-sign"));
        Openssl("dgst", "-sha256", "-sign", F("authority.key"), "-out", F("signature"), F("to-sign"));

        Done(_a, "fleet", "export-to", F("b.srk"), "--fingerprint", fingerprint, "--signature", F("signature"), "-o", F("export"));
        string taken = Done(_b, "fleet", "import", F("export"));

        Assert.Contains("1 keys of fleet fleet-1 are taken over", taken, StringComparison.Ordinal);
        JsonNode a = JsonNode.Parse(Done(_a, "fleet", "status", "--json"))!, b = JsonNode.Parse(Done(_b, "fleet", "status", "--json"))!;
        Assert.True(b["shareable"]!.GetValue<bool>());
        Assert.Equal(a["epochs"]![0]!["name"]!.GetValue<string>(), b["epochs"]![0]!["name"]!.GetValue<string>());
        Done(_a, "backup", F("backup"));
        _a.Kill();
        Done(_b, "restore", F("backup"), "--replace");
        Assert.Equal(key, Done(_b, "device", "credentials", "dev-1", "--for", "tls13", "--format", "csv"));
    }

    [Fact]
    public void What_the_operator_did_not_compare_or_the_authority_did_not_sign_goes_nowhere()
    {
        Done(_a, "fleet", "init", "--shareable", "--authority", F("authority.pub"));
        string fingerprint = JsonNode.Parse(Done(_b, "fleet", "srk-public", "-o", F("b.srk"), "--json"))!["fingerprint"]!.GetValue<string>();

        CommandResult unlike = Iotpsk(_a, "fleet", "export-to", F("b.srk"), "--fingerprint", new string('0', 64), "-o", F("to-sign"));
        Assert.Equal(1, unlike.ExitCode);
        Assert.Contains("not the storage key with that fingerprint", unlike.Error, StringComparison.Ordinal);
        Openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", F("other.key"));
        Done(_a, "fleet", "export-to", F("b.srk"), "--fingerprint", fingerprint, "-o", F("to-sign"));
        Openssl("dgst", "-sha256", "-sign", F("other.key"), "-out", F("signature"), F("to-sign"));
        CommandResult unsigned = Iotpsk(_a, "fleet", "export-to", F("b.srk"), "--fingerprint", fingerprint, "--signature", F("signature"), "-o", F("export"));
        Assert.Equal(1, unsigned.ExitCode);
        Assert.Contains("not the fleet authority's", unsigned.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(F("export")));

        Assert.Equal(2, Iotpsk(_b, "fleet", "init", "--shareable").ExitCode);
        CommandResult secret = Iotpsk(_b, "fleet", "init", "--shareable", "--authority", F("authority.key"));
        Assert.Equal(1, secret.ExitCode);
        Assert.Contains("private key", secret.Error, StringComparison.Ordinal);
        Assert.Equal(1, Iotpsk(_b, "fleet", "import", F("to-sign")).ExitCode);
    }

    private string F(string name) => _directory.File(name);

    private static void Openssl(params string[] arguments)
    {
        CommandResult result = ChildProcess.Run("openssl", arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
    }

    private CommandResult Iotpsk(Swtpm tpm, params string[] arguments) =>
        ChildProcess.Run(Repository.Gateway, [.. arguments, "--state", F(tpm == _a ? "state-a" : "state-b"), "--tpm", tpm.Tcti]);

    private string Done(Swtpm tpm, params string[] arguments)
    {
        CommandResult result = Iotpsk(tpm, arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
        return result.Output;
    }
}
