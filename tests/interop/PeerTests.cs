using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;
using IotPsk.Shared;

namespace IotPsk.Interop.Tests;

/// <summary>Other people's clients and the device's C core through a live gateway to a real broker.</summary>
public sealed class PeerTests(Fleet fleet) : IClassFixture<Fleet>
{
    private const int DecryptError = 51;

    private static void Arrives(ChildProcess subscriber, string device, string payload) =>
        subscriber.WaitForLine(line => line == $"iotpsk/{device}/telemetry {payload}", "the broker delivers " + payload);

    [Fact]
    public void Openssl_reaches_the_broker_with_the_arguments_that_credentials_prints()
    {
        fleet.Enroll("openssl-1");
        string payload = Fleet.NewPayload();
        using ChildProcess subscriber = fleet.Lab.Broker.Subscribe("iotpsk/#");
        CommandResult result = ChildProcess.Run("openssl", ["s_client", "-quiet", "-connect", fleet.Gateway.Address, .. fleet.OpensslArguments("openssl-1")],
            input: MqttBytes.Visit("openssl-1", payload));
        Assert.StartsWith(" \u0002\0\0@\u0002\0\u0001", result.Output, StringComparison.Ordinal);
        Arrives(subscriber, "openssl-1", payload);
    }

    [Fact]
    public void Openssl_of_TLS_12_reaches_the_broker_and_the_session_says_so()
    {
        fleet.Enroll("openssl-2");
        string payload = Fleet.NewPayload();
        string[] arguments = fleet.Gateway.Must("device", "credentials", "openssl-2", "--for", "tls12", "--format", "openssl").Trim().Split(' ');
        using ChildProcess subscriber = fleet.Lab.Broker.Subscribe("iotpsk/#");
        CommandResult result = ChildProcess.Run("openssl", ["s_client", "-quiet", "-connect", fleet.Gateway.Address, .. arguments], input: MqttBytes.Visit("openssl-2", payload));
        Assert.StartsWith(" \u0002\0\0@\u0002\0\u0001", result.Output, StringComparison.Ordinal);
        Arrives(subscriber, "openssl-2", payload);
        using ChildProcess client = fleet.HoldOpenssl([.. arguments, "-cipher", "PSK-AES128-GCM-SHA256"]);
        JsonNode session = Poll.For(() => fleet.SessionOf("openssl-2"), "the session is live");
        Assert.Equal(("TLSv1.2", "psk", 0), (session["version"]!.GetValue<string>(), session["keyExchange"]!.GetValue<string>(), session["tpmCommands"]!.GetValue<int>()));
    }

    [Fact]
    public void The_C_core_reaches_the_broker_with_its_imported_key()
    {
        fleet.Enroll("core-1");
        string payload = Fleet.NewPayload();
        using ChildProcess subscriber = fleet.Lab.Broker.Subscribe("iotpsk/#");
        CommandResult result = fleet.Core(fleet.BundleFile("core-1"), MqttBytes.Visit("core-1", payload));
        Assert.Equal(" \u0002\0\0@\u0002\0\u0001", result.Output);
        Assert.Contains("version=TLSv1.3", result.Error, StringComparison.Ordinal);
        Assert.Contains("keyExchange=psk_dhe_ke imported=true", result.Error, StringComparison.Ordinal);
        Arrives(subscriber, "core-1", payload);
    }

    [Fact]
    public void The_C_core_comes_by_psk_ke_to_a_listener_that_takes_it()
    {
        CommandResult result = ChildProcess.Run(Path.Combine(Repository.NativeBuild, "iotpsk-psk-client"),
            ["127.0.0.1", fleet.Gateway.TunnelPort.ToString(System.Globalization.CultureInfo.InvariantCulture), "--bundle", fleet.BundleFile("good-1"), "--psk-ke", "--wait", "10000"],
            input: "GET /healthz HTTP/1.0\r\n\r\n"u8.ToArray());
        Assert.Contains(" 200 OK", result.Output, StringComparison.Ordinal);
        Assert.Contains("keyExchange=psk_ke imported=true", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("key", "binder does not verify")]
    [InlineData("context", "binder does not verify")]
    [InlineData("server id", "WrongContext")]
    [InlineData("binder label", "binder does not verify")]
    public void The_C_core_is_refused_when_one_thing_about_its_key_is_wrong(string what, string reason)
    {
        fleet.Enroll("wrong-1");
        fleet.Enroll("wrong-2");
        string right = fleet.BundleFile("wrong-1");
        string bundle = what switch
        {
            "key" => fleet.ChangedBundle("wrong-1", b => b.Tls13Key[31] ^= 1),
            // The key was imported for another client id than the identity on the wire says.
            "context" => fleet.ChangedBundle("wrong-1", b => (b.DeviceId, b.Tls13Identity, b.Tls12Key, b.Tls12Identity) = ("wrong-2", Identity("wrong-2", Lab.ServerId), null, null)),
            "server id" => fleet.ChangedBundle("wrong-1", b => (b.ServerId, b.Tls13Identity) = ("other-fleet", Identity("wrong-1", "other-fleet"))),
            _ => right,
        };
        int mark = fleet.Gateway.Mark();
        CommandResult refused = fleet.Core(bundle, MqttBytes.Visit("wrong-1", "no"), externalBinder: what == "binder label");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains($"[alert {DecryptError}]", refused.Error, StringComparison.Ordinal);
        fleet.ToldOnce(mark, "Handshake failed", reason);
        Assert.True(fleet.Serves("wrong-1"), "the right key still works");
    }

    [Fact]
    public void The_admin_socket_shows_what_was_agreed_and_ends_a_session()
    {
        fleet.Enroll("live-1");
        using ChildProcess client = fleet.HoldOpenssl(fleet.OpensslArguments("live-1"));
        JsonNode session = Poll.For(() => fleet.SessionOf("live-1"), "the session is live");
        Assert.Equal(("TLSv1.3", "psk_dhe_ke", false, 1, 1), (session["version"]!.GetValue<string>(), session["keyExchange"]!.GetValue<string>(),
            session["imported"]!.GetValue<bool>(), session["epoch"]!.GetValue<int>(), session["tpmCommands"]!.GetValue<int>()));
        Assert.InRange(session["handshakeBytesReceived"]!.GetValue<int>(), 200, 600);
        fleet.Gateway.Must("session", "close", session["id"]!.GetValue<string>());
        client.WaitForExit();
        Assert.Equal(1, fleet.Gateway.Run("session", "close", session["id"]!.GetValue<string>()).ExitCode);
        Assert.Equal(System.Net.HttpStatusCode.NotFound, fleet.Gateway.Get("/sessions").Status);
    }

    private static byte[] Identity(string clientId, string serverId) =>
        new ImportedIdentity(Encoding.ASCII.GetBytes(clientId + "~1"), RoleContext.Encode(clientId, serverId), 0x0304, 1).Encode();
}
