using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using IotPsk.Gateway.Serving;
using IotPsk.Interop.Tests.Support;
using IotPsk.Keys;
using IotPsk.Net;
using IotPsk.Tls;

namespace IotPsk.Interop.Tests;

/// <summary>Engine, endpoint, key service and TPM joined: openssl reaches a plain echo server with a key that came out of the TPM.</summary>
public sealed class TerminationTests : IDisposable, INetEvents
{
    private const string Greeting = "hello through the TPM";
    private readonly TempDirectory _directory = new();
    private readonly Swtpm _tpm;
    private readonly EsysTpm _commands;
    private readonly IRegistry _registry;
    private readonly TpmOwner _owner;
    private readonly KeyService _keys;
    private readonly FleetPskResolver _resolver;
    private readonly ShardSet _shards;
    private readonly TcpListener _echo = new(IPAddress.Loopback, 0);
    private readonly int _port;
    private readonly ConcurrentQueue<string> _failures = new();
    private readonly ConcurrentQueue<DeviceGrant> _grants = new();

    public TerminationTests()
    {
        _tpm = new Swtpm(_directory.Create("tpm"), Repository.LogDirectory("termination"));
        StateDirectory state = StateDirectory.OpenOrCreate(_directory.File("state"));
        using (var setup = new EsysTpm(_tpm.Tcti))
            FleetSetup.Init(state, setup, new FleetSetupOptions { ServerId = "gateway-01" });
        _registry = RegistrySource.Sqlite(state).Open();
        _registry.Enrol("sensor-1");
        _commands = new EsysTpm(_tpm.Tcti);
        _owner = new TpmOwner(_commands, new TpmOwnerOptions(), TimeProvider.System, FleetSelfTest.For(_registry));
        _keys = new KeyService(_registry, _owner, new KeyServiceOptions(), TimeProvider.System);
        _resolver = new FleetPskResolver(new PskAuthority(_registry), _keys, _registry, TimeProvider.System);
        _echo.Start();
        _ = EchoAsync();
        _shards = new ShardSet(new NetLimits(), _resolver, TimeProvider.System, this, shards: 1);
        _port = _shards.Listen(new TlsListenerOptions
        {
            Name = "echo",
            Listen = new IPEndPoint(IPAddress.Loopback, 0),
            Upstream = (IPEndPoint)_echo.LocalEndpoint,
            Tls = new PskTlsServerOptions(),
        }).EndPoint.Port;
    }

    void INetEvents.HandshakeFailed(in HandshakeFailure failure) => _failures.Enqueue(failure.ToString());

    void INetEvents.Connected(SessionInfo session) => _grants.Enqueue((DeviceGrant)session.Tag!);

    [Fact]
    public void Openssl_exchanges_data_and_only_its_first_connection_costs_a_TPM_command()
    {
        string key = Key(KeyUse.External13);
        for (int i = 0; i < 2; i++)
            Assert.Contains(Greeting, Connect("sensor-1~1", key), StringComparison.Ordinal);
        Assert.Equal([1, 0], _grants.Select(grant => grant.TpmCommands));
        Assert.All(_grants, grant => Assert.Equal("sensor-1", grant.Key.DeviceId));
    }

    [Fact]
    public void Openssl_of_TLS_12_has_a_key_of_its_own_that_serves_in_no_other_version()
    {
        string key = Key(KeyUse.Psk12);
        for (int i = 0; i < 2; i++)
            Assert.Contains(Greeting, Connect("sensor-1~1", key, "-tls1_2"), StringComparison.Ordinal);
        Assert.Equal([1, 0], _grants.Select(grant => grant.TpmCommands));
        Assert.All(_grants, grant => Assert.Equal((KeyUse.Psk12, false), (grant.Key.Use, grant.IsImported)));
        Assert.Contains("alert number 51", Connect("sensor-1~1", key), StringComparison.Ordinal);
        Assert.Contains("alert number 20", Connect("sensor-1~1", Key(KeyUse.External13), "-tls1_2"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sensor-2~1", "UnknownDevice")]
    [InlineData("sensor-1~2", "UnknownEpoch")]
    [InlineData("sensor-1~01", "NotCanonical")]
    [InlineData("sensor-1", "NotAnIdentity")]
    public void An_identity_that_is_none_gets_what_a_wrong_key_gets_in_TLS_12(string identity, string reason)
    {
        long before = _commands.Counters.Total;
        Assert.Contains("alert number 20", Connect(identity, new string('a', 64), "-tls1_2"), StringComparison.Ordinal);
        Poll.Until(() => !_failures.IsEmpty, "the failure is told");
        Assert.Contains(reason, Assert.Single(_failures), StringComparison.Ordinal);
        Assert.Equal(before, _commands.Counters.Total);
    }

    [Theory]
    [InlineData("sensor-2~1", "UnknownDevice")]
    [InlineData("sensor-1~2", "UnknownEpoch")]
    [InlineData("sensor-1~01", "NotCanonical")]
    [InlineData("sensor-1", "NotAnIdentity")]
    public void An_identity_that_is_none_is_refused_with_its_reason_and_no_TPM_command(string identity, string reason)
    {
        long before = _commands.Counters.Total;
        Assert.Contains("alert number 51", Connect(identity, new string('a', 64)), StringComparison.Ordinal);
        Poll.Until(() => !_failures.IsEmpty, "the failure is told");
        Assert.Contains(reason, Assert.Single(_failures), StringComparison.Ordinal);
        Assert.Equal(before, _commands.Counters.Total);
    }

    [Fact]
    public void A_wrong_key_is_refused_and_the_right_one_still_works()
    {
        Assert.Contains("alert number 51", Connect("sensor-1~1", new string('a', 64)), StringComparison.Ordinal);
        Assert.Contains(Greeting, Connect("sensor-1~1", Key(KeyUse.External13)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_revoked_device_is_refused_and_its_grant_no_longer_stands()
    {
        string key = Key(KeyUse.External13);
        Assert.Contains(Greeting, Connect("sensor-1~1", key), StringComparison.Ordinal);
        DeviceGrant grant = Assert.Single(_grants);
        Assert.True(_resolver.StillStands(grant));
        _registry.Revoke("sensor-1");
        Assert.False(_resolver.StillStands(grant));
        Assert.Contains("alert number 51", Connect("sensor-1~1", key), StringComparison.Ordinal);
        Poll.Until(() => !_failures.IsEmpty, "the refusal is told");
        Assert.Contains("RevokedDevice", Assert.Single(_failures), StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _shards.Dispose();
        _owner.Dispose();
        _keys.Dispose();
        _registry.Dispose();
        _echo.Dispose();
        _tpm.Dispose();
        _directory.Dispose();
    }

    private string Key(KeyUse use)
    {
        using var tpm = new EsysTpm(_tpm.Tcti);
        tpm.Open();
        using DeviceKey key = DeviceKey.Derive(tpm, _registry.RequireFleet(), _registry.Find("sensor-1")!, use);
        return Convert.ToHexStringLower(key.Key);
    }

    // Everything openssl said until the greeting came back, or until it gave up.
    private string Connect(string identity, string key, string version = "-tls1_3")
    {
        using ChildProcess client = ChildProcess.Start("openssl",
            ["s_client", "-quiet", "-connect", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{_port}"), "-psk_identity", identity, "-psk", key, version]);
        client.Input.Write(Encoding.ASCII.GetBytes(Greeting + "\n"));
        client.Input.Flush();
        Poll.Until(() => client.HasExited || client.Lines.Contains(Greeting), "openssl gets its answer or an alert", client.Tail);
        if (client.HasExited)
            client.WaitForExit();
        return string.Join('\n', client.Lines);
    }

    private async Task EchoAsync()
    {
        try
        {
            while (true)
            {
                Socket socket = await _echo.AcceptSocketAsync();
                _ = Task.Run(async () =>
                {
                    using var stream = new NetworkStream(socket, ownsSocket: true);
                    await stream.CopyToAsync(stream);
                });
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
