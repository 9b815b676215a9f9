using IotPsk.Gateway.Configuration;
using IotPsk.Gateway.Serving.Lwm2m;
using IotPsk.Gateway.Serving.Rekeying;
using IotPsk.Gateway.Serving.Telemetry;
using IotPsk.Keys;
using IotPsk.Net;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving;

/// <summary>The running gateway: registry, TPM, keys, shards and listeners, in the order they need each other.</summary>
internal sealed class GatewayService : IAsyncDisposable
{
    private readonly ILogger _log;
    private readonly IRegistry _registry;
    private readonly TpmOwner _tpm;
    private readonly KeyService _keys;
    private readonly ShardSet _shards;
    private readonly SessionEvents _events;
    private readonly TimeProvider _time;
    private KeyCacheKeeper? _kept;
    private RollbackWatch? _rollback;
    private IDisposable? _state;
    private readonly RegistryWatch _registryWatch;
    private TicketKeeper? _tickets;
    private readonly ListenerSet _listeners;
    private readonly Lwm2mDevices _lwm2m;
    private readonly SemaphoreSlim _changing = new(1);
    private GatewayConfiguration _configuration;
    private int _stopped;

    private GatewayService(StateDirectory state, IRegistry registry, TpmOwner tpm, GatewayConfiguration configuration, ILogger log, TimeProvider time)
    {
        (_registry, _tpm, _configuration, _log, _time) = (registry, tpm, configuration, log, time);
        _keys = new KeyService(registry, tpm, new KeyServiceOptions(), time);
        var authority = new PskAuthority(registry);
        var resolver = new FleetPskResolver(authority, _keys, registry, time);
        _events = new SessionEvents(log, Events, time) { StillStands = resolver.StillStands };
        _shards = new ShardSet(NetLimitsOf(configuration.Limits), resolver, time, _events);
        Telemetry = new TelemetryService(state.Path, time, log);
        _lwm2m = Lwm2mDevices.Start(state.Path, registry, configuration.Lwm2m, time, log);
        _lwm2m.Outlet = Telemetry;
        Commands = new Lwm2mCommands(_lwm2m);
        Telemetry.Register(Commands);
        var rekeying = new RekeyDesk(registry, tpm, time, Events, log) { Reply = _shards.Reply };
        _listeners = new ListenerSet(_shards, _events, new AssociationKeeper(state, registry, tpm, authority, log), _lwm2m, rekeying, log);
        _events.Close = (id, reason) => _ = _shards.CloseSessionAsync(id, reason);
        _events.IsServed = _listeners.Has;
        registry.DeviceChanged += DeviceChanged;
        registry.FleetChanged += FleetChanged;
        _registryWatch = new RegistryWatch(registry, log);
    }

    internal EventCounters Events { get; } = new();
    internal SessionFeed Sessions => _events.Feed;
    internal KeyService Keys => _keys;
    internal TpmOwner Tpm => _tpm;
    internal IRegistry Registry => _registry;
    internal Lwm2mDevices Lwm2m => _lwm2m;

    /// <summary>What LwM2M devices are asked, in words.</summary>
    internal Lwm2mCommands Commands { get; }

    internal TelemetryService Telemetry { get; }

    /// <summary>When it was ready.</summary>
    internal DateTimeOffset StartedAt { get; private set; }

    /// <summary>One line about what is served.</summary>
    internal string Status => $"Serving {_listeners}";

    internal IReadOnlyList<TlsListener> Listeners => [.. _listeners.Tls];

    /// <summary>Starts everything and listens. Errors are the user's: <see cref="UserError"/> or <see cref="KeysException"/>.</summary>
    internal static async Task<GatewayService> StartAsync(GatewayConfiguration configuration, ILogger log, TimeProvider time)
    {
        ServingRules.Check(configuration);
        RegistrySource source = RegistryAccess.Source(configuration);
        // Before anything in it is read: a second gateway would take away what the first one keeps there.
        IDisposable state = source.State.LockGateway();
        IRegistry? registry = null;
        TpmOwner? tpm = null;
        GatewayService? service = null;
        try
        {
            registry = source.Open(time);
            FleetRecord fleet = registry.RequireFleet();
            tpm = new TpmOwner(TpmAccess.Create(configuration.Tpm, fleet), new TpmOwnerOptions(), time, FleetSelfTest.For(registry));
            await tpm.CheckAsync();
            RollbackWatch rollback = await RollbackWatch.StartAsync(registry, tpm, time, log);
            service = new GatewayService(source.State, registry, tpm, configuration, log, time) { _rollback = rollback, _state = state };
            if (configuration.Tpm.KeepKeyCache)
                service._kept = await KeyCacheKeeper.StartAsync(registry, service._keys, tpm, time, log);
            await service.ApplyAsync(configuration);
            registry.Watch();
            if (service._keys.CapacityWarning is { } warning)
                log.Problem(warning);
            service.StartedAt = time.GetUtcNow();
            log.Ready(fleet.ServerId, registry.DeviceCount, tpm.Address, service._listeners.ToString());
            return service;
        }
        catch
        {
            if (service is not null)
                await service.DisposeAsync();
            tpm?.Dispose();
            registry?.Dispose();
            state.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Takes another configuration over, whole or not at all; sessions of listeners that stay go on. What needs a restart is told in the log.
    /// </summary>
    /// <exception cref="UserError">It cannot be taken over; everything is as it was.</exception>
    /// <exception cref="KeysException">The same, for the TPM did not give the ticket keys.</exception>
    internal async Task ReloadAsync(GatewayConfiguration next)
    {
        ServingRules.Check(next);
        await _changing.WaitAsync();
        try
        {
            IReadOnlyList<string> restart = ServingRules.NeedsRestart(_configuration, next);
            next = next with { State = _configuration.State, Registry = _configuration.Registry, Tpm = _configuration.Tpm };
            await ApplyAsync(next);
            _configuration = next;
            _log.Reloaded(_listeners.ToString());
            if (restart.Count > 0)
                _log.NeedsRestart(string.Join(", ", restart));
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Ready, or what is missing.</summary>
    internal async Task<TpmHealth> HealthAsync()
    {
        // While the TPM is gone nobody else may ask for it: a look from here brings it back.
        if (!_tpm.Health.Ready)
        {
            try
            {
                return await _tpm.CheckAsync();
            }
            catch (TpmException gone)
            {
                return new TpmHealth(false, gone.Message);
            }
        }
        return _registry is { IsShared: false, PollProblem: { } problem } ? new TpmHealth(false, problem) : _tpm.Health;
    }

    /// <summary>The part without which nobody is served and that does not answer; null if all is well.</summary>
    /// <param name="patience">For an event loop.</param>
    /// <param name="tpmPatience">For a request of the TPM's thread, which may wait for a database too.</param>
    internal async Task<string?> FindStuckAsync(TimeSpan patience, TimeSpan tpmPatience)
    {
        if (!_tpm.IsResponsive(tpmPatience))
            return "The TPM's thread";
        try
        {
            await _shards.PingAsync().WaitAsync(patience);
            return null;
        }
        catch (TimeoutException)
        {
            return "An event loop";
        }
    }

    internal Task<IReadOnlyList<SessionInfo>> SessionsAsync() => _shards.GetSessionsAsync();

    internal NetMetrics ReadMetrics() => _shards.ReadMetrics();

    internal DatagramMetrics ReadDatagramMetrics() => _shards.ReadDatagramMetrics();

    internal Task<bool> CloseAsync(long id) => _shards.CloseSessionAsync(id, CloseReason.Administrative);

    /// <summary>Revokes a device and ends its sessions.</summary>
    /// <returns>Whether it was not revoked before, and how many sessions were ended here.</returns>
    internal async Task<(bool Changed, int Sessions)> RevokeAsync(string id)
    {
        // Counted first: a change by another process ends the sessions as soon as it is seen.
        IReadOnlyList<SessionInfo> live = await SessionsAsync();
        int sessions = live.Count(session => Is(session, id));
        _registry.Refresh();
        (_, bool changed) = _registry.Revoke(id);
        await CloseSessionsAsync(id);
        return (changed, sessions);
    }

    /// <summary>
    /// Stops accepting, says close_notify to every TLS client and lets them finish for <paramref name="drain"/>; associations of DTLS go on with
    /// the next run.
    /// </summary>
    internal async Task StopAsync(TimeSpan drain)
    {
        if (Interlocked.Exchange(ref _stopped, 1) != 0)
            return;
        _registry.DeviceChanged -= DeviceChanged;
        _registry.FleetChanged -= FleetChanged;
        _rollback?.Stop();
        _registryWatch.Stop();
        _log.Stopping(_shards.ReadMetrics().Sessions + _shards.ReadDatagramMetrics().Sessions, (int)drain.TotalSeconds);
        // Taking a snapshot over costs the TPM a write: not for nothing.
        if (_shards.ReadDatagramMetrics().Sessions > 0)
            await _listeners.SuspendAsync();
        await _shards.StopAsync(drain);
        _shards.Dispose();
        await _lwm2m.DisposeAsync();
        await Telemetry.StopAsync(drain);
        if (_tickets is not null)
            await _tickets.DisposeAsync();
        if (_kept is not null)
            await _kept.DisposeAsync();
        _tpm.Dispose();
        _keys.Dispose();
        _registry.Dispose();
        _state?.Dispose();
        _changing.Dispose();
    }

    public async ValueTask DisposeAsync() => await StopAsync(TimeSpan.Zero);

    // First what can fail, then what cannot.
    private async Task ApplyAsync(GatewayConfiguration next)
    {
        TimeSpan lifetime = TimeSpan.FromHours(next.Limits.TicketHours);
        if (lifetime > TimeSpan.Zero)
            _tickets ??= await TicketKeeper.StartAsync(_registry, _tpm, lifetime, _time, _log);
        // The values of devices that speak MQTT go to the broker without us.
        BrokerOptions? broker = Telemetry.Prepare(next.Telemetry, next.Listeners.Any(listener => listener.Protocol == ListenerProtocol.Lwm2m));
        await _listeners.ChangeAsync(next.Listeners, next.Limits, lifetime > TimeSpan.Zero ? _tickets!.Options(lifetime) : null);
        if (lifetime > TimeSpan.Zero)
            _tickets!.KeepFor(lifetime);
        await Telemetry.ChangeAsync(broker);
        _lwm2m.Configure(next.Lwm2m);
        _shards.UpdateLimits(NetLimitsOf(next.Limits));
        if (next.Limits.SessionsPerDevice != _events.SessionsPerDevice)
            await _events.LimitAsync(next.Limits.SessionsPerDevice, SessionsAsync);
    }

    private static NetLimits NetLimitsOf(LimitsConfiguration limits) => new()
    {
        HandshakeTimeout = TimeSpan.FromSeconds(limits.HandshakeSeconds),
        PrologueTimeout = TimeSpan.FromSeconds(limits.HandshakeSeconds),
        HalfOpen = limits.HalfOpen,
        HalfOpenPerPrefix = limits.HalfOpenPerPrefix,
    };

    // On the registry's thread: it must not wait for the shards.
    private void DeviceChanged(DeviceRecord device)
    {
        if (device.IsRevoked)
        {
            _lwm2m.Revoke(device.Id);
            _ = CloseSessionsAsync(device.Id);
        }
        // Revoked and reinstated between two looks: what it had open before must go all the same.
        else if (device.Generation > 1)
            _ = CloseSessionsAsync(device.Id, device.Generation);
    }

    // A retired epoch is refused at once, by the sessions it has open too.
    private void FleetChanged(FleetRecord fleet) => _ = _shards.CloseSessionsAsync(
        session => session.Tag is DeviceGrant grant && !grant.Key.IsAcceptedBy(fleet), CloseReason.Revoked);

    private async Task CloseSessionsAsync(string deviceId, long? but = null)
    {
        int count = await _shards.CloseSessionsAsync(session => Is(session, deviceId) && ((DeviceGrant)session.Tag!).Generation != but, CloseReason.Revoked);
        if (count > 0)
            _log.DeviceClosed(LogName.Of(deviceId), count);
    }

    private static bool Is(SessionInfo session, string deviceId) => session.Tag is DeviceGrant grant && grant.Key.DeviceId == deviceId;
}
