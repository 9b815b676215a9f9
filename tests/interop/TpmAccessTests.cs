using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>A fleet whose keys have an authorisation value, served through an encrypting session.</summary>
public sealed class TpmAccessTests : IDisposable
{
    private const UnixFileMode Mine = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly Lab _lab = new();

    public void Dispose() => _lab.Dispose();

    private GatewayProcess Gateway => _lab.Gateway;

    [Fact]
    public void Keys_with_an_authorisation_value_are_used_in_an_encrypting_session_and_by_nobody_who_lacks_it()
    {
        string auth = Secret("tpm-auth", "between us\n");
        JsonObject tpm = Gateway.Configuration["Tpm"]!.AsObject();
        tpm["AuthFile"] = auth;
        tpm["EncryptSession"] = true;
        Gateway.WriteConfiguration();
        Gateway.Must("fleet", "init", "--server-id", Lab.ServerId);
        Gateway.Must("device", "enroll", "dev-1");
        string key = Gateway.Must("device", "credentials", "dev-1", "--for", "tls13", "--format", "csv");
        Gateway.Start();
        ChildProcess.Run("openssl", ["s_client", "-quiet", "-connect", Gateway.Address, "-psk_identity", "dev-1~1", "-psk", key.Trim().Split(',')[1], "-tls1_3"],
            input: MqttBytes.Visit("dev-1", "hello"));
        Poll.Until(() => Gateway.Metric("iotpsk_handshakes_completed_total") == 1, "the device was served", Gateway.Process.Tail);
        Assert.Equal(1, Gateway.Metric("iotpsk_tpm_commands_total", "command=\"StartAuthSession\""));

        tpm.Remove("AuthFile");
        Gateway.WriteConfiguration();
        CommandResult without = Gateway.Run("fleet", "status");
        Assert.Equal(1, without.ExitCode);
        Assert.Contains("authorisation value", without.Error, StringComparison.Ordinal);
        Assert.Equal(0, Gateway.Run("fleet", "status", "--tpm-auth", auth).ExitCode);
        Assert.Equal(1, Gateway.Run("fleet", "status", "--tpm-auth", Secret("other", "guessed")).ExitCode);
        CommandResult hmac = _lab.Tpm.Tool("hmac", "-c", "0x81010001", "-g", "sha256", auth);
        Assert.NotEqual(0, hmac.ExitCode);
    }

    [Fact]
    public void A_service_finds_the_value_among_its_systemd_credentials()
    {
        string directory = _lab.Directory.Create("credentials");
        string auth = Path.Combine(directory, "tpm-auth");
        File.WriteAllText(auth, "between us");
        File.SetUnixFileMode(auth, UnixFileMode.UserRead);
        var environment = new Dictionary<string, string> { ["CREDENTIALS_DIRECTORY"] = directory };
        string[] verb = ["fleet", "init", "--config", Gateway.ConfigurationFile];
        Assert.Equal(0, ChildProcess.Run(Repository.Gateway, verb, environment).ExitCode);

        Assert.Equal(1, Gateway.Run("fleet", "status").ExitCode);
        Assert.Equal(0, ChildProcess.Run(Repository.Gateway, ["fleet", "status", "--config", Gateway.ConfigurationFile], environment).ExitCode);
    }

    [Theory]
    [InlineData("", "holds none")]
    [InlineData("\n", "holds none")]
    [InlineData("a value that is longer than 32 by", "holds more")]
    public void A_value_that_is_none_is_refused(string value, string words) =>
        Assert.Contains(words, Gateway.Run("fleet", "init", "--tpm-auth", Secret("bad", value)).Error, StringComparison.Ordinal);

    [Fact]
    public void A_value_that_others_can_read_or_nobody_is_refused()
    {
        string open = Secret("open", "value");
        File.SetUnixFileMode(open, Mine | UnixFileMode.OtherRead);
        Assert.Contains("chmod 0600", Gateway.Run("fleet", "init", "--tpm-auth", open).Error, StringComparison.Ordinal);
        Assert.Contains("cannot be read", Gateway.Run("fleet", "init", "--tpm-auth", _lab.Directory.File("nowhere")).Error, StringComparison.Ordinal);
    }

    private string Secret(string name, string content)
    {
        string path = _lab.Directory.File(name);
        File.WriteAllText(path, content);
        File.SetUnixFileMode(path, Mine);
        return path;
    }
}
