using System.Diagnostics.CodeAnalysis;
using IotPsk.Keys;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving;

/// <summary>Has the TPM remember each revocation: a registry older than that does not start.</summary>
[SuppressMessage("Design", "CA1001", Justification = "Nobody asks the semaphore for a handle, the one thing of it that needs disposing.")]
internal sealed class RollbackWatch
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(5);
    private readonly IRegistry _registry;
    private readonly RollbackGuard _guard;
    private readonly TpmOwner _tpm;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly SemaphoreSlim _turn = new(1);
    private int _underWay;
    private volatile bool _stopped;

    private RollbackWatch(IRegistry registry, TpmOwner tpm, TimeProvider time, ILogger log)
    {
        (_registry, _guard, _tpm, _time, _log) = (registry, new RollbackGuard(registry), tpm, time, log);
        registry.DeviceChanged += DeviceChanged;
        registry.FleetChanged += FleetChanged;
    }

    /// <summary>Compares registry and counter, and keeps them together until <see cref="Stop"/>.</summary>
    internal static async Task<RollbackWatch> StartAsync(IRegistry registry, TpmOwner tpm, TimeProvider time, ILogger log)
    {
        var watch = new RollbackWatch(registry, tpm, time, log);
        await tpm.InvokeAsync(chip =>
        {
            watch._guard.Check(chip);
            return true;
        });
        await watch._guard.SyncAsync(tpm);
        return watch;
    }

    internal void Stop()
    {
        _stopped = true;
        _registry.DeviceChanged -= DeviceChanged;
        _registry.FleetChanged -= FleetChanged;
    }

    private async Task<bool> SyncOnceAsync()
    {
        await _turn.WaitAsync();
        try
        {
            Volatile.Write(ref _underWay, 0);
            return await _guard.SyncAsync(_tpm);
        }
        finally
        {
            _turn.Release();
        }
    }

    private void DeviceChanged(DeviceRecord device)
    {
        if (device.IsRevoked)
            _ = SyncAsync();
    }

    private void FleetChanged(FleetRecord fleet) => _ = SyncAsync();

    // Many revocations at once are one look at the registry; while the TPM is away it is tried again and again.
    private async Task SyncAsync()
    {
        if (Interlocked.Exchange(ref _underWay, 1) != 0)
            return;
        // Off the registry's thread.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        while (!_stopped)
        {
            try
            {
                bool done = await SyncOnceAsync();
                if (done || Interlocked.Exchange(ref _underWay, 1) != 0)
                    return;
            }
            catch (Exception e) when (e is KeysException or ObjectDisposedException)
            {
                Volatile.Write(ref _underWay, 1);
                if (!_stopped)
                    _log.Problem($"The TPM does not know of the last revocation yet: {e.Message}");
            }
            await Task.Delay(Retry, _time);
        }
    }
}
