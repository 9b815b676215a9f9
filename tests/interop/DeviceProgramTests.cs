using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>The program <c>iotpsk-device</c> as a user runs it.</summary>
public sealed class DeviceProgramTests(Fleet fleet) : IClassFixture<Fleet>
{
    private static CommandResult Run(params string[] arguments) => ChildProcess.Run(Repository.Device, arguments);

    private string Vault(string name) => fleet.Lab.Directory.File(name);

    private static JsonNode[] Events(CommandResult result) =>
        [.. result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];

    [Fact]
    public void A_device_delivers_its_telemetry_and_says_what_it_negotiated()
    {
        fleet.Enroll("prog-1");
        using ChildProcess subscriber = fleet.Lab.Broker.Subscribe("iotpsk/prog-1/telemetry");
        CommandResult result = Run("--bundle", fleet.BundleFile("prog-1"), "--vault", Vault("vault-1"), "--count", "2", "--interval", "0.1", "--once", "--json");
        Assert.True(result.ExitCode == 0, result.ToString());
        JsonNode[] events = Events(result);
        Assert.Equal(["connected", "acknowledged", "acknowledged", "done"], events.Select(e => e["event"]!.GetValue<string>()));
        Assert.True(events[0]["imported"]!.GetValue<bool>());
        JsonNode payload = JsonNode.Parse(subscriber.WaitForLine(line => line.Contains("\"seq\":2", StringComparison.Ordinal), "the second message")["iotpsk/prog-1/telemetry ".Length..])!;
        Assert.Equal("prog-1", payload["device"]!.GetValue<string>());

        // The vault has it now: the file is not needed any more, and was left alone.
        Assert.True(File.Exists(fleet.BundleFile("prog-1")));
        Assert.Equal(0, Run("--vault", Vault("vault-1"), "--count", "1", "--once").ExitCode);
    }

    [Fact]
    public void A_credential_file_is_erased_when_that_is_asked_for()
    {
        fleet.Enroll("prog-2");
        string bundle = fleet.BundleFile("prog-2");
        Assert.Equal(0, Run("--bundle", bundle, "--vault", Vault("vault-2"), "--count", "1", "--once", "--erase-bundle").ExitCode);
        Assert.False(File.Exists(bundle));
        Assert.Equal(0, Run("--vault", Vault("vault-2"), "--count", "1", "--once").ExitCode);
    }

    [Fact]
    public void A_refused_device_says_so_in_one_line_and_fails()
    {
        fleet.Enroll("prog-3");
        fleet.BundleFile("prog-3");
        fleet.Gateway.Must("device", "revoke", "prog-3");
        CommandResult refused = Run("--bundle", fleet.BundleFile("prog-3"), "--vault", Vault("vault-3"), "--count", "1", "--once");
        Assert.Equal(1, refused.ExitCode);
        Assert.StartsWith("iotpsk-device: prog-3: refused: ", refused.Error, StringComparison.Ordinal);
        Assert.Single(refused.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void A_device_comes_back_when_the_gateway_does()
    {
        fleet.Enroll("prog-4");
        fleet.Gateway.Must("device", "credentials", "prog-4", "--format", "bundle", "-o", Vault("prog-4.cred"));
        using ChildProcess device = ChildProcess.Start(Repository.Device,
            ["--bundle", Vault("prog-4.cred"), "--vault", Vault("vault-4"), "--count", "0", "--interval", "1", "--json"]);
        device.WaitForLine(line => line.Contains("\"acknowledged\"", StringComparison.Ordinal), "the first message is acknowledged");
        fleet.Gateway.Stop();
        device.WaitForLine(line => line.Contains("\"disconnected\"", StringComparison.Ordinal), "the device notices");
        int mark = device.Lines.Count;
        fleet.Gateway.Start();
        device.WaitForLine(line => line.Contains("\"connected\"", StringComparison.Ordinal), "the device is back", mark);
        device.WaitForLine(line => line.Contains("\"acknowledged\"", StringComparison.Ordinal), "its telemetry goes on", mark);
        Assert.Equal(0, device.Stop());
    }

    [Theory]
    [InlineData(2, "--count", "-1", "--vault", "v")]
    [InlineData(2, "--nonsense")]
    [InlineData(2)]
    [InlineData(1, "--vault", "/tmp/iotpsk-no-such-vault-dir/x/y", "--bundle", "/dev/null")]
    [InlineData(1, "--vault", "v", "--bundle", "/no/such/file")]
    public void A_mistake_is_told_in_a_line_of_its_own(int exitCode, params string[] arguments)
    {
        CommandResult result = Run([.. arguments.Select(a => a == "v" ? Vault("vault-5") : a)]);
        Assert.Equal(exitCode, result.ExitCode);
        Assert.All(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.StartsWith("iotpsk-device: ", line, StringComparison.Ordinal));
        Assert.NotEmpty(result.Error);
    }
}
