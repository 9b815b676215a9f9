using System.Globalization;
using System.Net;
using System.Net.Sockets;
using IotPsk.Gateway.Configuration;
using IotPsk.Gateway.Serving;
using IotPsk.Interop.Tests.Support;
using IotPsk.Keys;
using IotPsk.TestSupport;
using Microsoft.Extensions.Logging.Abstractions;

namespace IotPsk.Interop.Tests;

/// <summary>The whole service on a clock that stands still: another process revokes, and within a second of that clock the session is over.</summary>
public sealed class RevocationTests : IAsyncLifetime, IDisposable
{
    private const string Device = "sensor-1";
    private readonly TempDirectory _directory = new();
    private readonly FakeTimeProvider _time = new();
    private readonly TcpListener _upstream = new(IPAddress.Loopback, 0);
    private readonly Swtpm _tpm;
    private GatewayService? _service;

    public RevocationTests() => _tpm = new Swtpm(_directory.Create("tpm"), Repository.LogDirectory("revocation"));

    private GatewayService Service => _service!;

    private string State => _directory.File("state");

    public async Task InitializeAsync()
    {
        StateDirectory state = StateDirectory.OpenOrCreate(State);
        using (var setup = new EsysTpm(_tpm.Tcti))
            FleetSetup.Init(state, setup, new FleetSetupOptions { ServerId = "gateway-01" });
        OtherProcess(registry => registry.EnrolMany([Device, "sensor-2"]));
        _upstream.Start();
        await StartAsync(new LimitsConfiguration());
    }

    public async Task DisposeAsync() => await Service.DisposeAsync();

    public void Dispose()
    {
        _upstream.Dispose();
        _tpm.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_revocation_by_another_process_ends_the_live_session_within_a_second_and_the_next_hello_is_refused()
    {
        string key = Key(Device);
        using ChildProcess client = Connect(Device, key), other = Connect("sensor-2");
        await SessionsAre(2);
        OtherProcess(registry => registry.Revoke(Device));
        _time.Advance(TimeSpan.FromSeconds(1));
        client.WaitForExit();
        await SessionsAre(1);
        Assert.False(other.HasExited);
        Assert.Equal(1, Service.Events[IotPsk.Net.CloseReason.Revoked]);

        using ChildProcess again = Connect(Device, key);
        again.WaitForExit();
        Assert.Contains(("tunnel", "RevokedDevice", 1L), Service.Events.FailedHandshakes);
    }

    [Fact]
    public async Task A_device_revoked_and_reinstated_between_two_looks_loses_the_session_it_had()
    {
        using ChildProcess client = Connect(Device), other = Connect("sensor-2");
        await SessionsAre(2);
        OtherProcess(registry =>
        {
            registry.Revoke(Device);
            registry.Reinstate(Device);
        });
        _time.Advance(TimeSpan.FromSeconds(1));
        client.WaitForExit();
        await SessionsAre(1);
        using ChildProcess again = Connect(Device);
        await SessionsAre(2);
        _time.Advance(TimeSpan.FromSeconds(2));
        await SessionsAre(2);
        Assert.False(again.HasExited || other.HasExited);
    }

    [Fact]
    public async Task An_enrolment_by_another_process_holds_within_a_second()
    {
        string key = Key("sensor-2");
        using (ChildProcess unknown = Connect("sensor-3", key))
            unknown.WaitForExit();
        Assert.Contains(("tunnel", "UnknownDevice", 1L), Service.Events.FailedHandshakes);
        OtherProcess(registry => registry.Enrol("sensor-3"));
        _time.Advance(TimeSpan.FromSeconds(1));
        using ChildProcess known = Connect("sensor-3");
        await SessionsAre(1);
    }

    [Fact]
    public async Task A_device_revoked_while_the_TPM_is_asked_gets_no_session()
    {
        string key = Key(Device);
        _tpm.Hold();
        using ChildProcess client = Connect(Device, key);
        Poll.Until(() => Service.Keys.Counters.Misses == 1, "the key is asked for");
        OtherProcess(registry => registry.Revoke(Device));
        _time.Advance(TimeSpan.FromSeconds(1));
        _tpm.Resume();
        client.WaitForExit();
        await SessionsAre(0);
        Poll.Until(() => Service.Events.FailedHandshakes.Any(), "the failure is counted");
        Assert.Equal(("tunnel", "RefusedMeanwhile", 1L), Assert.Single(Service.Events.FailedHandshakes));
        Assert.Equal(0, Service.ReadMetrics().SessionsOpened);
    }

    [Fact]
    public async Task The_admin_revocation_tells_how_many_sessions_it_ended()
    {
        using ChildProcess client = Connect(Device), other = Connect("sensor-2");
        await SessionsAre(2);
        Assert.Equal((true, 1), await Service.RevokeAsync(Device));
        client.WaitForExit();
        Assert.Equal((false, 0), await Service.RevokeAsync(Device));
        await SessionsAre(1);
    }

    [Fact]
    public async Task The_oldest_session_makes_room_where_devices_may_have_so_many_only()
    {
        await Service.DisposeAsync();
        await StartAsync(new LimitsConfiguration { SessionsPerDevice = 1 });
        using ChildProcess first = Connect(Device);
        await SessionsAre(1);
        using ChildProcess second = Connect(Device);
        first.WaitForExit();
        await SessionsAre(1);
        Assert.False(second.HasExited);
        Assert.Equal(1, Service.Events[IotPsk.Net.CloseReason.Replaced]);
    }

    private async Task StartAsync(LimitsConfiguration limits) => _service = await GatewayService.StartAsync(new GatewayConfiguration
    {
        State = State,
        Tpm = new TpmConfiguration { Tcti = _tpm.Tcti },
        Limits = limits,
        Listeners = [new ListenerConfiguration
        {
            Name = "tunnel",
            Protocol = ListenerProtocol.Tunnel,
            Listen = new EndpointAddress("tcp", "127.0.0.1", FreePorts.Take()),
            Upstream = new EndpointAddress("tcp", "127.0.0.1", ((IPEndPoint)_upstream.LocalEndpoint).Port),
        }],
    }, NullLogger.Instance, _time);

    private async Task SessionsAre(int count)
    {
        for (int i = 0; i < 1000 && (await Service.SessionsAsync()).Count != count; i++)
            await Task.Delay(20);
        Assert.Equal(count, (await Service.SessionsAsync()).Count);
    }

    // Its own connection to the registry, as the command line has it.
    private void OtherProcess(Action<IRegistry> work)
    {
        using IRegistry registry = RegistrySource.Sqlite(StateDirectory.Open(State)).Open();
        work(registry);
    }

    private string Key(string device)
    {
        string key = "";
        OtherProcess(registry =>
        {
            using var tpm = new EsysTpm(_tpm.Tcti);
            tpm.Open();
            using DeviceKey derived = DeviceKey.Derive(tpm, registry.RequireFleet(), registry.Find(device)!, KeyUse.External13);
            key = Convert.ToHexStringLower(derived.Key);
        });
        return key;
    }

    private ChildProcess Connect(string device) => Connect(device, Key(device));

    private ChildProcess Connect(string device, string key) => ChildProcess.Start("openssl",
        ["s_client", "-connect", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Service.Listeners[0].EndPoint.Port}"), "-psk_identity", device + "~1", "-psk", key, "-tls1_3", "-quiet"]);
}
