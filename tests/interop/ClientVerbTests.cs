using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary><c>iotpsk client tls</c> against the gateway, and against openssl.</summary>
public sealed class ClientVerbTests(Fleet fleet) : IClassFixture<Fleet>
{
    private const string Replies = " \u0002\0\0@\u0002\0\u0001";

    private CommandResult Client(byte[] input, params string[] arguments) =>
        ChildProcess.Run(Repository.Gateway, ["client", "tls", fleet.Gateway.Address, .. arguments], input: input);

    [Fact]
    public void A_bundle_is_all_it_needs()
    {
        fleet.Enroll("verb-1");
        CommandResult result = Client(MqttBytes.Visit("verb-1", Fleet.NewPayload()), "--bundle", fleet.BundleFile("verb-1"), "--json");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal(Replies, result.Output);
        JsonNode session = JsonNode.Parse(result.Error)!;
        Assert.Equal(("TLSv1.3", "psk_dhe_ke", true), (session["version"]!.GetValue<string>(), session["keyExchange"]!.GetValue<string>(), session["imported"]!.GetValue<bool>()));
    }

    [Fact]
    public void An_identity_with_its_key_works_and_so_does_an_EPSK_that_it_imports()
    {
        fleet.Enroll("verb-2");
        string csv = fleet.Gateway.Must("device", "credentials", "verb-2", "--for", "tls13", "--format", "csv").Trim();
        string keyFile = fleet.Lab.Directory.File("verb-2.key");
        File.WriteAllText(keyFile, csv.Split(',')[1] + "\n");
        Assert.Equal(Replies, Client(MqttBytes.Visit("verb-2", "x"), "--identity", csv.Split(',')[0], "--key", "@" + keyFile, "--group", "x25519").Output);
        string epsk = Convert.ToHexString(fleet.FleetHmac("iotpsk epsk", "verb-2"));
        Assert.Equal(Replies, Client(MqttBytes.Visit("verb-2", "x"), "--identity", "verb-2~1", "--key", epsk, "--import", Lab.ServerId, "--record-size", "512").Output);
    }

    [Fact]
    public void A_session_is_resumed_by_ticket()
    {
        CommandResult result = Client(MqttBytes.Visit("good-1", "x"), "--bundle", fleet.BundleFile("good-1"), "--resume", "--json");
        Assert.Equal(Replies, result.Output);
        JsonNode session = JsonNode.Parse(result.Error)!;
        Assert.Equal((true, "psk_dhe_ke"), (session["resumed"]!.GetValue<bool>(), session["keyExchange"]!.GetValue<string>()));
    }

    [Fact]
    public void A_key_log_is_written_for_its_owner_with_a_warning()
    {
        string log = fleet.Lab.Directory.File("keys.log");
        CommandResult result = Client(MqttBytes.Visit("good-1", "x"), "--bundle", fleet.BundleFile("good-1"), "--key-log", log);
        Assert.Contains("WARNING", result.Error, StringComparison.Ordinal);
        Assert.Contains("CLIENT_TRAFFIC_SECRET_0", File.ReadAllText(log), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(log));
    }

    [Theory]
    [InlineData(1, "--identity", "nobody~1", "--key", "00")]
    [InlineData(1, "--bundle", "/dev/null")]
    [InlineData(1, "--bundle", "/no/such/file")]
    [InlineData(2, "--identity", "nobody~1", "--key", "xyz")]
    [InlineData(2, "--identity", "nobody", "--key", "00", "--import", "fleet")]
    [InlineData(2, "--identity", "nobody~1")]
    [InlineData(2)]
    public void What_fails_is_told_in_one_line(int exitCode, params string[] arguments)
    {
        CommandResult result = Client([], arguments);
        Assert.Equal(exitCode, result.ExitCode);
        Assert.StartsWith("iotpsk: ", Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }
}
