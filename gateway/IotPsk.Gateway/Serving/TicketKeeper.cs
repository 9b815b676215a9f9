using IotPsk.Keys;
using IotPsk.Tls;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving;

/// <summary>Brings the ticket keys of the registry to the engine, and keeps them young.</summary>
internal sealed class TicketKeeper : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);
    private static readonly TimeSpan Retry = TimeSpan.FromMinutes(1);
    private readonly IRegistry _registry;
    private readonly TpmOwner _tpm;
    private readonly TicketKeyRing _ring;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _another = new(0);
    private TicketKeys? _keys;
    private Task _renewing = Task.CompletedTask;

    private TicketKeeper(IRegistry registry, TpmOwner tpm, TimeSpan lifetime, TimeProvider time, ILogger log)
    {
        (_registry, _tpm, _time, _log) = (registry, tpm, time, log);
        _ring = new TicketKeyRing(registry, time, lifetime);
        registry.TicketKeysChanged += Changed;
        registry.FleetChanged += FleetChanged;
    }

    /// <summary>For listeners whose tickets are good for <paramref name="lifetime"/>; they share the keys.</summary>
    internal TicketOptions Options(TimeSpan lifetime) => new() { Keys = _keys!, LifetimeSeconds = (int)lifetime.TotalSeconds };

    /// <summary>Keeps keys as long as tickets of this lifetime need them.</summary>
    internal void KeepFor(TimeSpan lifetime) => _ring.SetTicketLifetime(lifetime);

    /// <summary>Gets the keys: one TPM command for each accepted epoch.</summary>
    internal static async Task<TicketKeeper> StartAsync(IRegistry registry, TpmOwner tpm, TimeSpan lifetime, TimeProvider time, ILogger log)
    {
        var keeper = new TicketKeeper(registry, tpm, lifetime, time, log);
        try
        {
            await keeper.RenewAsync();
            keeper._renewing = keeper.KeepAsync();
            return keeper;
        }
        catch
        {
            await keeper.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends the timer and zeroes the keys.</summary>
    public async ValueTask DisposeAsync()
    {
        _registry.TicketKeysChanged -= Changed;
        _registry.FleetChanged -= FleetChanged;
        await _stop.CancelAsync();
        await _renewing;
        _ring.Dispose();
        _keys?.Dispose();
        _stop.Dispose();
        _another.Dispose();
    }

    private async Task KeepAsync()
    {
        TimeSpan wait = Interval;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await WaitAsync(wait);
                await RenewAsync();
                wait = Interval;
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e) when (e is KeysException or InvalidOperationException)
            {
                // The keys at hand serve on: what is lost is their change, for a while. (The ring is locked if an epoch began after it was unlocked.)
                _log.Problem($"The ticket keys cannot be renewed: {e.Message}");
                wait = Retry;
            }
        }
    }

    // Sooner when another gateway made a key: its tickets are to be good here too. Sooner as well when an epoch begins or ends.
    private async Task WaitAsync(TimeSpan longest)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        Task waited = Task.Delay(longest, _time, both.Token);
        await Task.WhenAny(waited, _another.WaitAsync(both.Token));
        await both.CancelAsync();
        _stop.Token.ThrowIfCancellationRequested();
    }

    // A key that hangs on a retired epoch opens tickets no more, and none is made by one that hangs on an older epoch: who knows a fleet key
    // knows the ticket keys under it, and could make tickets of devices that have newer keys.
    private void FleetChanged(FleetRecord fleet) => Changed();

    private void Changed()
    {
        if (_another.CurrentCount == 0)
            _another.Release();
    }

    private async Task RenewAsync()
    {
        // Every time: a rotation may have brought an epoch that is not unlocked yet.
        await _tpm.InvokeAsync(tpm =>
        {
            _ring.Unlock(tpm);
            return true;
        }, cancellation: _stop.Token);
        _ring.Refresh(Take);
    }

    private void Take(IReadOnlyList<TicketKeyMaterial> material)
    {
        TicketKey[] keys = [.. material.Select(key => new TicketKey(key.Name, key.Secret))];
        if (_keys is null)
            _keys = new TicketKeys(keys[0], keys.AsSpan(1));
        else
            _keys.Replace(keys[0], keys.AsSpan(1));
        foreach (TicketKey key in keys)
            key.Dispose();
    }
}
