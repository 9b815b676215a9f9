using System.Net.Sockets;
using System.Text;
using IotPsk.Gateway.Configuration;

namespace IotPsk.Gateway.Tests;

/// <summary>The configuration is validated whole: every fault is told at once, with its place.</summary>
public sealed class ConfigurationTests
{
    private static GatewayConfiguration? Parse(string json, out IReadOnlyList<ConfigurationError> errors) =>
        ConfigurationReader.Parse(Encoding.UTF8.GetBytes(json), out errors);

    [Fact]
    public void A_listener_is_all_that_must_be_said()
    {
        GatewayConfiguration? configuration = Parse("""{ "Listeners": [ { "Protocol": "mqtt" } ] }""", out var errors);
        Assert.Empty(errors);
        Assert.Equal("/var/lib/iotpsk", configuration!.State);
        Assert.Equal("device:/dev/tpmrm0", configuration.Tpm.Tcti);
        Assert.Equal("tcp://0.0.0.0:8883", configuration.Listeners[0].Listen.ToString());
        Assert.Equal("tcp://127.0.0.1:1883", configuration.Listeners[0].Upstream.ToString());
        Assert.False(configuration.Listeners[0].AllowPskKe);
    }

    [Fact]
    public void A_registry_may_be_a_database_and_its_password_never_stands_in_the_file()
    {
        GatewayConfiguration? configuration = Parse("""{ "Listeners": [ {} ], "Registry": { "Postgres": "Host=db;Database=x;Username=y", "PasswordFile": "/etc/p" } }""", out var errors);
        Assert.Empty(errors);
        Assert.Equal(("Host=db;Database=x;Username=y", "/etc/p"), (configuration!.Registry.Postgres, configuration.Registry.PasswordFile));

        Assert.Null(Parse("""{ "Listeners": [ {} ], "Registry": { "Postgres": "Host=db;Database=x;Username=y;Password=s3cret" } }""", out errors));
        ConfigurationError error = Assert.Single(errors);
        Assert.Equal("$.Registry.Postgres", error.Path);
        Assert.DoesNotContain("s3cret", error.What + error.Mend, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_fault_is_told_at_once_with_its_place()
    {
        Assert.Null(Parse("""
            { "State": "relative", "Listners": [], "Limits": { "HandshakeSeconds": 0 },
              "Listeners": [ { "Protocol": "mqt", "Listen": "tcp://0.0.0.0:99999" }, { "Name": "a b", "Protocol": "mqtt", "Listen": "udp://0.0.0.0:1" } ],
              "Admin": { "Http": "http://0.0.0.0:9464" } }
            """, out var errors));
        string[] paths = [.. errors.Select(e => e.Path)];
        foreach (string path in (string[])["$.State", "$.Listners", "$.Limits.HandshakeSeconds", "$.Listeners[0].Protocol", "$.Listeners[0].Listen",
            "$.Listeners[1].Name", "$.Listeners[1].Listen", "$.Admin.Http"])
            Assert.Contains(path, paths);
        Assert.Contains(errors, e => e.Path == "$.Listners" && e.Mend.Contains("Listeners", StringComparison.Ordinal));
        Assert.All(errors, e => Assert.False(string.IsNullOrWhiteSpace(e.Mend)));
    }

    [Theory]
    [InlineData("{", "$")]
    [InlineData("[]", "$")]
    [InlineData("""{ "Listeners": [ { "Name": "\ud800" } ] }""", "$")]
    [InlineData("""{ "\udc00": 1 }""", "$")]
    [InlineData("{}", "$.Listeners")]
    [InlineData("""{ "Listeners": [] }""", "$.Listeners")]
    [InlineData("""{ "Listeners": [ {} ], "Tpm": { "Tcti": 1 } }""", "$.Tpm.Tcti")]
    [InlineData("""{ "Listeners": [ {} ], "Registry": { "Postgres": "Host=db" } }""", "$.Registry.Postgres")]
    [InlineData("""{ "Listeners": [ {} ], "Registry": { "Postgres": 1 } }""", "$.Registry.Postgres")]
    [InlineData("""{ "Listeners": [ {} ], "Registry": { "PasswordFile": "/secret" } }""", "$.Registry.PasswordFile")]
    [InlineData("""{ "Listeners": [ {} ], "Registry": { "Postgres": "Host=db;Database=x;Username=y", "PasswordFile": "secret" } }""", "$.Registry.PasswordFile")]
    [InlineData("""{ "Listeners": [ {} ], "Registry": { "Sqlite": true } }""", "$.Registry.Sqlite")]
    [InlineData("""{ "Listeners": [ {}, { "Name": "b" } ] }""", "$.Listeners[1].Listen")]
    [InlineData("""{ "Listeners": [ { "Listen": "tcp://localhost:1" } ] }""", "$.Listeners[0].Listen")]
    [InlineData("""{ "Listeners": [ { "IdleSeconds": 2592001 } ] }""", "$.Listeners[0].IdleSeconds")]
    [InlineData("""{ "Listeners": [ { "Protocol": "lwm2m", "ProxyProtocol": true } ] }""", "$.Listeners[0].ProxyProtocol")]
    [InlineData("""{ "Listeners": [ { "Protocol": "tunnel", "MaxConnections": -1 } ] }""", "$.Listeners[0].MaxConnections")]
    [InlineData("""{ "Listeners": [ { "Echo": true } ] }""", "$.Listeners[0].Echo")]
    [InlineData("""{ "Listeners": [ {} ], "Telemetry": { "TopicPrefix": "a/#" } }""", "$.Telemetry.TopicPrefix")]
    [InlineData("""{ "Listeners": [ {} ], "Telemetry": { "User": "gateway" } }""", "$.Telemetry.User")]
    [InlineData("""{ "Listeners": [ {} ], "Telemetry": { "User": "~a/b" } }""", "$.Telemetry.User")]
    [InlineData("""{ "Listeners": [ {} ], "Telemetry": { "PasswordFile": "secret" } }""", "$.Telemetry.PasswordFile")]
    [InlineData("""{ "Listeners": [ {} ], "Telemetry": { "QueueMegabytes": 0 } }""", "$.Telemetry.QueueMegabytes")]
    [InlineData("""{ "Listeners": [ { "Protocol": "lwm2m", "PasswordFile": "/a" } ] }""", "$.Listeners[0].PasswordFile")]
    public void A_fault_names_its_place(string json, string path)
    {
        Assert.Null(Parse(json, out var errors));
        Assert.Contains(errors, e => e.Path == path);
    }

    [Fact]
    public void A_key_written_twice_is_refused()
    {
        Assert.Null(Parse("""{ "State": "/a", "State": "/b", "Listeners": [ {} ] }""", out var errors));
        Assert.Contains(errors, e => e.Path == "$.State");
    }

    [Theory]
    [InlineData(107, true)]
    [InlineData(108, false)]
    public void A_socket_has_no_longer_path_than_the_system_takes(int length, bool good)
    {
        GatewayConfiguration? configuration = Parse($$"""{ "Listeners": [ {} ], "Admin": { "Socket": "/{{new string('a', length - 1)}}" } }""", out var errors);
        Assert.Equal(good, configuration is not null);
        Assert.Equal(good ? [] : ["$.Admin.Socket"], errors.Select(e => e.Path));
    }

    [Fact]
    public void A_broker_may_listen_on_a_Unix_socket()
    {
        GatewayConfiguration? configuration = Parse("""
            { "Listeners": [ { "Upstream": "unix:///run/broker/mqtt.sock" } ], "Telemetry": { "Mqtt": "unix:///run/broker/mqtt.sock" } }
            """, out var errors);
        Assert.Empty(errors);
        Assert.Equal("unix:///run/broker/mqtt.sock", configuration!.Listeners[0].Upstream.ToString());
        Assert.Equal(new UnixDomainSocketEndPoint("/run/broker/mqtt.sock").ToString(), configuration.Telemetry.Mqtt.Resolve("").ToString());
    }

    [Theory]
    [InlineData("""{ "Upstream": "unix://run/mqtt.sock" }""", "$.Listeners[0].Upstream")]
    [InlineData("""{ "Upstream": "unix://" }""", "$.Listeners[0].Upstream")]
    [InlineData("""{ "Upstream": "unix:///a\u0000b" }""", "$.Listeners[0].Upstream")]
    [InlineData("""{ "Listen": "unix:///run/mqtt.sock" }""", "$.Listeners[0].Listen")]
    [InlineData("""{ "Protocol": "tunnel", "Upstream": "unix:///run/mqtt.sock" }""", "$.Listeners[0].Upstream")]
    public void A_Unix_socket_stands_for_a_broker_alone_and_has_an_absolute_path(string listener, string path)
    {
        Assert.Null(Parse($$"""{ "Listeners": [ {{listener}} ] }""", out var errors));
        Assert.Equal([path], errors.Select(e => e.Path));
    }

    [Fact]
    public void A_missing_file_is_told_with_the_way_out()
    {
        UserError error = Assert.Throws<UserError>(() => ConfigurationReader.Load("/nonexistent/iotpsk.json"));
        Assert.Contains("--config", error.Message, StringComparison.Ordinal);
        Assert.Equal(UserError.Failed, error.ExitCode);
    }
}
