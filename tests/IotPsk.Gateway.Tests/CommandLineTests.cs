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

    [Theory]
    [InlineData("the verb is missing; after iotpsk; give one of fleet, device,")]
    [InlineData("the verb is missing; after iotpsk fleet; give one of init, status,", "fleet")]
    [InlineData("\"statsu\" is no verb; after iotpsk fleet; give one of init, status,", "fleet", "statsu")]
    [InlineData("\"many\" is no whole number; --count; see iotpsk device enroll --help", "device", "enroll", "a-1", "--count", "many")]
    [InlineData("\"one\" is no whole number; EPOCH; see iotpsk fleet retire --help", "fleet", "retire", "one")]
    [InlineData("'bundle' 'json' 'csv' 'openssl' 'mosquitto'; --format; see iotpsk device credentials --help", "device", "credentials", "a", "--format", "xml")]
    [InlineData("an ID stands beside --from-csv", "device", "enroll", "a", "--from-csv", "b")]
    [InlineData("the devices are named in more than one way", "device", "credentials", "a", "--all", "--format", "json")]
    [InlineData("write it like /echo", "client", "dtls", "127.0.0.1:1", "--identity", "a", "--key", "00", "--get", "echo")]
    public void A_wrong_command_line_is_one_line_that_says_what_is_expected(string expected, params string[] args)
    {
        (int code, string errors) = Run(args);
        Assert.Equal(2, code);
        Assert.Contains(expected, Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("there is no such file", "missing")]
    [InlineData("there is no such directory", "missing/below")]
    [InlineData("this is a directory", "")]
    public void A_file_that_cannot_be_had_is_told_with_its_path_and_what_to_do(string what, string name)
    {
        string path = Path.Combine(_directory.FullName, name);
        foreach (string[] args in (string[][])[["--bundle", path], ["--identity", "a", "--key", "@" + path]])
        {
            (int code, string errors) = Run(["client", "tls", "127.0.0.1:1", .. args]);
            Assert.Equal(1, code);
            Assert.StartsWith($"iotpsk: {what}; {_directory.FullName}", errors, StringComparison.Ordinal);
            Assert.Contains("; name the right one|; make it|; name a file".Split('|'), end => errors.Contains(end, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void A_key_of_a_file_is_read_from_it_and_no_other_argument_is()
    {
        string file = Path.Combine(_directory.FullName, "key");
        File.WriteAllText(file, "zz --psk-ke\n");
        (int code, string errors) = Run("client", "tls", "127.0.0.1:1", "--identity", "a", "--key", "@" + file);
        Assert.Equal(2, code);
        Assert.Contains("the key is not hexadecimal; --key", errors, StringComparison.Ordinal);
        (code, errors) = Run("device", "show", "@" + file);
        Assert.Equal(2, code);
        Assert.Contains($"\"@{file}\" is no device id", errors, StringComparison.Ordinal);
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
