using System.Net;
using IotPsk.Gateway.Configuration;
using IotPsk.Gateway.Serving.Lwm2m;
using IotPsk.Gateway.Serving.Mqtt;
using IotPsk.Keys;
using IotPsk.Net;
using IotPsk.Tls;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving;

/// <summary>The running gateway: registry, TPM, keys, shards and listeners, in the order they need each other.</summary>
internal sealed class GatewayService : IAsyncDisposable
{
    // Header, connection id, nonce and tag of a record find room beside it.
    private const int LargestRecord = DatagramListenerOptions.LargestDatagram - 96;

    private readonly ILogger _log;
    private readonly IRegistry _registry;
    private readonly TpmOwner _tpm;
    private readonly KeyService _keys;
    private readonly ShardSet _shards;
    private readonly SessionEvents _events;
    private readonly TicketKeeper? _tickets;
    private KeyCacheKeeper? _kept;
    private RollbackWatch? _rollback;
    private readonly List<TlsListener> _listeners = [];
    private readonly List<DatagramListener> _datagramListeners = [];
    private readonly LimitsConfiguration _limits;
    private readonly AssociationKeeper _associations;
    private readonly Lwm2mDevices _lwm2m;
    private int _stopped;

    private GatewayService(StateDirectory state, IRegistry registry, TpmOwner tpm, TicketKeeper? tickets, LimitsConfiguration limits, ILogger log, TimeProvider time)
    {
        (_registry, _tpm, _tickets, _limits, _log) = (registry, tpm, tickets, limits, log);
        _keys = new KeyService(registry, tpm, new KeyServiceOptions(), time);
        var authority = new PskAuthority(registry);
        var resolver = new FleetPskResolver(authority, _keys, registry, time);
        _associations = new AssociationKeeper(state, registry, tpm, authority, log);
        _events = new SessionEvents(log, Events, time, limits.SessionsPerDevice) { StillStands = resolver.StillStands };
        _shards = new ShardSet(new NetLimits
        {
            HandshakeTimeout = TimeSpan.FromSeconds(limits.HandshakeSeconds),
            PrologueTimeout = TimeSpan.FromSeconds(limits.HandshakeSeconds),
            HalfOpen = limits.HalfOpen,
            HalfOpenPerPrefix = limits.HalfOpenPerPrefix,
        }, resolver, time, _events);
        _events.Close = (id, reason) => _ = _shards.CloseSessionAsync(id, reason);
        _lwm2m = Lwm2mDevices.Start(state.Path, registry, time, log);
        registry.DeviceChanged += DeviceChanged;
        registry.FleetChanged += FleetChanged;
    }

    internal EventCounters Events { get; } = new();
    internal KeyService Keys => _keys;
    internal TpmOwner Tpm => _tpm;
    internal IRegistry Registry => _registry;
    internal Lwm2mDevices Lwm2m => _lwm2m;
    internal IReadOnlyList<TlsListener> Listeners => _listeners;
    internal IReadOnlyList<DatagramListener> DatagramListeners => _datagramListeners;

    /// <summary>Starts everything and listens. Errors are the user's: <see cref="UserError"/> or <see cref="KeysException"/>.</summary>
    internal static async Task<GatewayService> StartAsync(GatewayConfiguration configuration, ILogger log, TimeProvider time)
    {
        ServingRules.Check(configuration);
        IRegistry? registry = null;
        TpmOwner? tpm = null;
        TicketKeeper? tickets = null;
        GatewayService? service = null;
        try
        {
            RegistrySource source = RegistryAccess.Source(configuration);
            registry = source.Open(time);
            FleetRecord fleet = registry.RequireFleet();
            tpm = new TpmOwner(TpmAccess.Create(configuration.Tpm, fleet), new TpmOwnerOptions(), time, FleetSelfTest.For(registry));
            await tpm.CheckAsync();
            RollbackWatch rollback = await RollbackWatch.StartAsync(registry, tpm, time, log);
            if (configuration.Limits.TicketHours > 0)
                tickets = await TicketKeeper.StartAsync(registry, tpm, TimeSpan.FromHours(configuration.Limits.TicketHours), time, log);
            service = new GatewayService(source.State, registry, tpm, tickets, configuration.Limits, log, time);
            service._rollback = rollback;
            if (configuration.Tpm.KeepKeyCache)
                service._kept = await KeyCacheKeeper.StartAsync(registry, service._keys, tpm, time, log);
            await service.ListenAsync(configuration.Listeners);
            registry.Watch();
            if (service._keys.CapacityWarning is { } warning)
                log.Problem(warning);
            log.Ready(fleet.ServerId, registry.DeviceCount, tpm.Address,
                string.Join(", ", [
                    .. service._listeners.Select(l => $"{l.Name} on {l.EndPoint} to {l.Options.Upstream}"),
                    .. service._datagramListeners.Select(l => $"{l.Name} on udp {l.EndPoint}"),
                ]));
            return service;
        }
        catch
        {
            if (service is not null)
                await service.DisposeAsync();
            else if (tickets is not null)
                await tickets.DisposeAsync();
            tpm?.Dispose();
            registry?.Dispose();
            throw;
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
        return _registry.PollProblem is { } problem ? new TpmHealth(false, problem) : _tpm.Health;
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
        _log.Stopping(_shards.ReadMetrics().Sessions + _shards.ReadDatagramMetrics().Sessions, (int)drain.TotalSeconds);
        // Taking a snapshot over costs the TPM a write: not for nothing.
        if (_shards.ReadDatagramMetrics().Sessions > 0)
        {
            foreach (DatagramListener listener in _datagramListeners)
                await _associations.SuspendAsync(listener);
        }
        await _shards.StopAsync(drain);
        _shards.Dispose();
        await _lwm2m.DisposeAsync();
        if (_tickets is not null)
            await _tickets.DisposeAsync();
        if (_kept is not null)
            await _kept.DisposeAsync();
        _tpm.Dispose();
        _keys.Dispose();
        _registry.Dispose();
    }

    public async ValueTask DisposeAsync() => await StopAsync(TimeSpan.Zero);

    private async Task ListenAsync(IEnumerable<ListenerConfiguration> configured)
    {
        foreach (ListenerConfiguration listener in configured)
        {
            try
            {
                if (listener.Protocol == ListenerProtocol.Lwm2m)
                    ListenForDatagrams(listener, await _associations.TakeAsync(listener.Name));
                else
                    ListenForConnections(listener);
            }
            catch (ListenException e)
            {
                throw UserError.Several([e.Message]);
            }
        }
    }

    private void ListenForConnections(ListenerConfiguration listener) => _listeners.Add(_shards.Listen(new TlsListenerOptions
    {
        Name = listener.Name,
        Listen = new IPEndPoint(listener.Listen.Address!, listener.Listen.Port),
        Upstream = listener.Upstream!.Value.Resolve($"the Upstream of listener {listener.Name}"),
        Tls = new PskTlsServerOptions { AllowPskKe = listener.AllowPskKe, AllowTls12 = listener.AllowTls12, Tickets = _tickets?.Options },
        Prologue = listener.Protocol == ListenerProtocol.Mqtt ? () => new MqttPrologue(_events.ConnectRefused) : null,
    }));

    private void ListenForDatagrams(ListenerConfiguration listener, DatagramSnapshot? snapshot) => _datagramListeners.Add(_shards.Listen(new DatagramListenerOptions
    {
        Name = listener.Name,
        Listen = new IPEndPoint(listener.Listen.Address!, listener.Listen.Port),
        Dtls = new PskDtlsServerOptions { Tickets = _tickets?.Options, RecordSizeLimit = LargestRecord },
        Application = shard => new CoapApplication(shard, listener.Echo, _lwm2m, _log),
        // A client of the RFC 7925 profile repeats what got lost after 9 seconds: where TCP does with one limit, this takes six.
        Limits = new DatagramLimits { HandshakeTimeout = TimeSpan.FromSeconds(6 * _limits.HandshakeSeconds) },
    }, snapshot));

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
