using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>A fleet goes to a second gateway whose TPM was certified by its maker: swtpm_setup with a certification authority of this test's own.</summary>
public sealed class CertifiedFleetTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly Swtpm _a;
    private readonly Swtpm _b;

    public CertifiedFleetTests()
    {
        string logs = Repository.LogDirectory("certified-fleet"), state = _directory.Create("tpm-b");
        Manufacture(state, "ca");
        _a = new Swtpm(_directory.Create("tpm-a"), logs);
        _b = new Swtpm(state, logs);
        Openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", F("authority.key"));
        Openssl("ec", "-in", F("authority.key"), "-pubout", "-out", F("authority.pub"));
        Done(_a, "fleet", "init", "--server-id", "fleet-1", "--shareable", "--authority", F("authority.pub"));
        Done(_b, "fleet", "srk-public", "-o", F("b.srk"));
    }

    public void Dispose()
    {
        _a.Dispose();
        _b.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void The_new_gateways_TPM_proves_itself_by_its_makers_certificate_and_nobody_types_a_fingerprint()
    {
        Done(_a, "device", "enroll", "dev-1");
        string asked = Done(_a, "fleet", "export-to", F("b.srk"), "--ek-ca", F("ca.pem"), "-o", F("challenge"));
        Assert.Contains("certified by CN=swtpm-localca", asked, StringComparison.Ordinal);
        Assert.Contains("fleet answer", asked, StringComparison.Ordinal);
        Assert.Contains("--answer", Done(_b, "fleet", "answer", F("challenge"), "-o", F("answer")), StringComparison.Ordinal);
        Assert.Contains("openssl dgst -sha256 -sign", Done(_a, "fleet", "export-to", F("b.srk"), "--answer", F("answer"), "-o", F("to-sign")), StringComparison.Ordinal);
        Openssl("dgst", "-sha256", "-sign", F("authority.key"), "-out", F("signature"), F("to-sign"));
        Assert.Contains("fleet import", Done(_a, "fleet", "export-to", F("b.srk"), "--signature", F("signature"), "-o", F("export")), StringComparison.Ordinal);

        Assert.Contains("1 keys of fleet fleet-1 are taken over", Done(_b, "fleet", "import", F("export")), StringComparison.Ordinal);

        // Its vendor's endorsement key sits where our first fleet key would: ours has the next place.
        Assert.Equal("0x81010002", JsonNode.Parse(Done(_b, "fleet", "status", "--json"))!["epochs"]![0]!["handle"]!.GetValue<string>());
        Done(_a, "backup", F("backup"));
        Done(_b, "restore", F("backup"), "--replace");
        string[] credentials = ["device", "credentials", "dev-1", "--for", "tls13", "--format", "csv"];
        Assert.Equal(Done(_a, credentials), Done(_b, credentials));
        // The next epoch needs no further proof.
        Done(_a, "fleet", "rotate");
        Done(_a, "fleet", "export-to", F("b.srk"), "--signature", F("signature"), "-o", F("export-2"));
        Assert.Contains("1 keys of fleet fleet-1 are taken over", Done(_b, "fleet", "import", F("export-2")), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_the_proof_the_authority_is_not_asked_and_its_signature_not_used()
    {
        Refused("has not proved to be in a TPM", "--ek-ca FILE", "fleet", "export-to", F("b.srk"), "-o", F("to-sign"));
        Done(_a, "fleet", "export-to", F("b.srk"), "--ek-ca", F("ca.pem"), "-o", F("challenge"));
        File.WriteAllText(F("signature"), "none");
        Refused("has not proved to be in a TPM", "", "fleet", "export-to", F("b.srk"), "--signature", F("signature"), "-o", F("export"));

        Manufacture(_directory.Create("tpm-c"), "other-ca");
        Refused("does not lead to a root", "other-ca.pem", "fleet", "export-to", F("b.srk"), "--ek-ca", F("other-ca.pem"), "-o", F("challenge-2"));
        Refused("no root certificate", "", "fleet", "export-to", F("b.srk"), "--ek-ca", F("authority.pub"), "-o", F("challenge-2"));
        Done(_b, "fleet", "answer", F("challenge"), "-o", F("answer"));
        Done(_a, "fleet", "export-to", F("b.srk"), "--answer", F("answer"), "-o", F("to-sign"));
        Refused("counts once", "", "fleet", "export-to", F("b.srk"), "--answer", F("answer"), "-o", F("to-sign-2"));
        Assert.False(File.Exists(F("export")) || File.Exists(F("challenge-2")) || File.Exists(F("to-sign-2")));

        _b.Swap("tpm-c");
        CommandResult elsewhere = Iotpsk(_b, "fleet", "answer", F("challenge"), "-o", F("answer-c"));
        Assert.Equal(1, elsewhere.ExitCode);
        Assert.Contains("asks for the storage key", elsewhere.Error, StringComparison.Ordinal);
        Assert.Equal(2, Iotpsk(_a, "fleet", "export-to", F("b.srk"), "--ek-ca", F("ca.pem"), "--signature", F("signature"), "-o", F("x")).ExitCode);
        Assert.Equal(2, Iotpsk(_a, "fleet", "export-to", F("b.srk"), "--ek-ca", F("ca.pem"), "--fingerprint", "00", "-o", F("x")).ExitCode);
    }

    /// <summary>Makes a TPM with an endorsement certificate, as a machine's maker does; its root and intermediate certificates land in <c>NAME.pem</c>.</summary>
    private void Manufacture(string state, string name)
    {
        string authority = _directory.Create(name), options = F(name + ".options"), localca = F(name + ".conf"), setup = F(name + "-setup.conf");
        File.WriteAllText(options, "--platform-manufacturer IotPsk\n--platform-version 1\n--platform-model test\n");
        File.WriteAllText(localca, $"statedir = {authority}\nsigningkey = {authority}/signkey.pem\nissuercert = {authority}/issuercert.pem\ncertserial = {authority}/certserial\n");
        File.WriteAllText(setup, $"create_certs_tool = /usr/bin/swtpm_localca\ncreate_certs_tool_config = {localca}\ncreate_certs_tool_options = {options}\nactive_pcr_banks = sha256\n");
        CommandResult made = ChildProcess.Run("swtpm_setup", ["--tpm2", "--tpmstate", state, "--config", setup, "--create-ek-cert"],
            new Dictionary<string, string> { ["XDG_CONFIG_HOME"] = _directory.Path, ["HOME"] = _directory.Path });
        Assert.True(made.ExitCode == 0, made.ToString());
        File.WriteAllText(F(name + ".pem"), File.ReadAllText(Path.Combine(authority, "swtpm-localca-rootca-cert.pem")) + File.ReadAllText(Path.Combine(authority, "issuercert.pem")));
    }

    private string F(string name) => _directory.File(name);

    private static void Openssl(params string[] arguments)
    {
        CommandResult result = ChildProcess.Run("openssl", arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
    }

    private void Refused(string words, string moreWords, params string[] arguments)
    {
        CommandResult refused = Iotpsk(_a, arguments);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains(words, refused.Error, StringComparison.Ordinal);
        Assert.Contains(moreWords, refused.Error, StringComparison.Ordinal);
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
