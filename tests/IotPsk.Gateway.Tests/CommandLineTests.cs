using IotPsk.Gateway.Cli;

namespace IotPsk.Gateway.Tests;

/// <summary>What somebody types wrong is told in a line, and never as a stack trace.</summary>
public sealed class CommandLineTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("iotpsk-cli-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Theory]
    [InlineData("--identity", "client", "tls", "127.0.0.1:1", "--identity", "", "--key", "00")]
    [InlineData("--import", "client", "tls", "127.0.0.1:1", "--identity", "a~1", "--key", "00", "--import", "")]
    [InlineData("--import", "client", "tls", "127.0.0.1:1", "--identity", "a~1", "--key", "00", "--import", "a b")]
    [InlineData("--key", "client", "tls", "127.0.0.1:1", "--identity", "a", "--key", "@")]
    [InlineData("--key", "client", "tls", "127.0.0.1:1", "--identity", "a", "--key=")]
    [InlineData("HOST:PORT", "client", "tls", "", "--identity", "a", "--key", "00")]
    [InlineData("--state", "device", "list", "--state", "", "--tpm", "swtpm:")]
    [InlineData("--state", "--state", "", "--tpm", "swtpm:", "device", "list")]
    [InlineData("--tpm", "fleet", "init", "--state", "/nowhere", "--tpm", "")]
    [InlineData("--config", "serve", "--config", "")]
    [InlineData("--config", "check-config", "--config=")]
    [InlineData("-o", "device", "credentials", "a", "--format", "json", "-o", "")]
    public void An_empty_or_wrong_value_is_a_usage_error_that_names_it(string name, params string[] args)
    {
        (int code, string errors) = Run(args);
        Assert.Equal(2, code);
        string line = Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("iotpsk: ", line, StringComparison.Ordinal);
        Assert.Contains(name, line, StringComparison.Ordinal);
        Assert.DoesNotContain("fault of this program", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("check-config", "--config", "/dev/zero")]
    [InlineData("client", "tls", "127.0.0.1:1", "--bundle", "/dev/zero")]
    public void A_file_without_end_is_too_long(params string[] args)
    {
        (int code, string errors) = Run(args);
        Assert.Equal(1, code);
        Assert.Contains("too long", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_log_that_others_can_read_is_refused()
    {
        string file = Path.Combine(_directory.FullName, "keys");
        File.WriteAllText(file, "");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        (int code, string errors) = Run("client", "tls", "127.0.0.1:1", "--identity", "a", "--key", "00", "--key-log", file);
        Assert.Equal(1, code);
        Assert.Contains(file, errors, StringComparison.Ordinal);
        Assert.DoesNotContain("WARNING", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_secret_goes_into_no_file_that_was_there_before()
    {
        string file = Path.Combine(_directory.FullName, "device.cred"), elsewhere = Path.Combine(_directory.FullName, "elsewhere");
        File.WriteAllText(elsewhere, "old");
        File.CreateSymbolicLink(file + ".partial", elsewhere);
        SecretFile.Create(file, stream => stream.WriteByte(7));
        Assert.Equal([7], File.ReadAllBytes(file));
        Assert.Equal("old", File.ReadAllText(elsewhere));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Null(new FileInfo(file).LinkTarget);
    }

    private static (int Code, string Errors) Run(params string[] args)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        int code = CommandLine.Run(args, output, errors, redirected: true);
        return (code, errors.ToString());
    }
}
