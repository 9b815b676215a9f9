using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;
using IotPsk.Shared;

namespace IotPsk.Interop.Tests;

/// <summary>The verbs of <c>iotpsk</c> as a user runs them, on a software TPM.</summary>
public sealed class CommandLineTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly Swtpm _tpm;

    public CommandLineTests() => _tpm = new Swtpm(_directory.Create("tpm"), Repository.LogDirectory("command-line"));

    private static string Program => Path.Combine(AppContext.BaseDirectory, "iotpsk.dll");

    private CommandResult Iotpsk(params string[] arguments) => ChildProcess.Run("dotnet",
        [Program, .. arguments, "--state", _directory.File("state"), "--tpm", _tpm.Tcti]);

    private string Done(params string[] arguments)
    {
        CommandResult result = Iotpsk(arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
        return result.Output;
    }

    [Fact]
    public void A_fleet_is_made_once_and_its_key_is_fixed_in_the_TPM()
    {
        Done("fleet", "init", "--server-id", "gateway-01");
        CommandResult second = Iotpsk("fleet", "init", "--server-id", "gateway-01");
        Assert.Equal(1, second.ExitCode);
        Assert.Contains("already", second.Error, StringComparison.Ordinal);

        JsonNode status = JsonNode.Parse(Done("fleet", "status", "--json"))!;
        string handle = status["epochs"]![0]!["handle"]!.GetValue<string>();
        CommandResult key = ChildProcess.Run("tpm2_readpublic", ["-T", _tpm.Tcti, "-c", handle]);
        Assert.Contains("fixedtpm|fixedparent", key.Output, StringComparison.Ordinal);
        Assert.Contains("noda", key.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Credentials_are_written_for_their_owner_only_and_never_over_a_file()
    {
        Done("fleet", "init", "--server-id", "gateway-01");
        Done("device", "enroll", "sensor-1");
        string file = _directory.File("sensor-1.cred");
        Done("device", "credentials", "sensor-1", "--format", "bundle", "--address", "127.0.0.1:8883", "-o", file);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        byte[] content = File.ReadAllBytes(file);
        CredentialBundle bundle = CredentialBundle.Decode(content, 0, content.Length);
        JsonNode json = JsonNode.Parse(Done("device", "credentials", "sensor-1", "--format", "json"))!;
        Assert.Equal("gateway-01", bundle.ServerId);
        Assert.Equal("127.0.0.1:8883", bundle.TlsAddress);
        Assert.Equal(json["key"]!.GetValue<string>(), Convert.ToHexStringLower(bundle.Tls13Key));
        Assert.Equal(json["identity"]!.GetValue<string>(), Convert.ToHexStringLower(bundle.Tls13Identity));
        Assert.NotEqual(Convert.ToHexStringLower(bundle.Tls13Key), Convert.ToHexStringLower(bundle.Tls12Key));

        Assert.Equal(1, Iotpsk("device", "credentials", "sensor-1", "--format", "json", "-o", file).ExitCode);
        Assert.Equal(content, File.ReadAllBytes(file));
        Assert.Matches("^-psk_identity sensor-1~1 -psk [0-9a-f]{64} -tls1_3\n$", Done("device", "credentials", "sensor-1", "--for", "tls13", "--format", "openssl"));
        Assert.Matches("^-psk_identity sensor-1~1 -psk [0-9a-f]{64} -tls1_2\n$", Done("device", "credentials", "sensor-1", "--for", "tls12", "--format", "openssl"));
        Assert.Matches("^sensor-1~1,[0-9a-f]{64}\n$", Done("device", "credentials", "sensor-1", "--for", "tls12", "--format", "csv"));
    }

    [Fact]
    public void A_revoked_or_unknown_device_gets_no_credentials()
    {
        Done("fleet", "init");
        Done("device", "enroll", "sensor-1");
        Done("device", "revoke", "sensor-1");
        CommandResult revoked = Iotpsk("device", "credentials", "sensor-1", "--format", "json");
        Assert.Equal(1, revoked.ExitCode);
        Assert.Contains("revoked", revoked.Error, StringComparison.Ordinal);
        Assert.Empty(revoked.Output);
        Assert.Equal(1, Iotpsk("device", "credentials", "sensor-2", "--format", "json").ExitCode);
    }

    [Fact]
    public void A_mistake_is_told_in_one_line_and_a_wrong_command_line_exits_with_2()
    {
        foreach (string[] wrong in (string[][])[["device", "enroll", "a/b"], ["fleet", "destroy"], ["device", "credentials", "a", "--format", "openssl"]])
        {
            CommandResult result = Iotpsk(wrong);
            Assert.True(result.ExitCode == 2, result.ToString());
            Assert.StartsWith("iotpsk: ", result.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
        }
        CommandResult none = Iotpsk("fleet", "status");
        Assert.Equal(1, none.ExitCode);
        Assert.StartsWith("iotpsk: ", none.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_TPM_that_is_gone_is_told_with_its_address()
    {
        Done("fleet", "init");
        _tpm.Kill();
        CommandResult gone = Iotpsk("fleet", "status");
        Assert.Equal(1, gone.ExitCode);
        Assert.Contains(_tpm.Tcti, gone.Error, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _tpm.Dispose();
        _directory.Dispose();
    }
}
