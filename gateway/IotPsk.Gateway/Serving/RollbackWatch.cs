using IotPsk.Keys;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving;

/// <summary>Has the TPM remember each revocation: a registry older than that does not start.</summary>
internal sealed class RollbackWatch
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(5);
    private readonly IRegistry _registry;
    private readonly RollbackGuard _guard;
    private readonly TpmOwner _tpm;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
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
            return watch._guard.Sync(chip);
        });
        return watch;
    }

    internal void Stop()
    {
        _stopped = true;
        _registry.DeviceChanged -= DeviceChanged;
        _registry.FleetChanged -= FleetChanged;
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
        while (!_stopped)
        {
            try
            {
                bool done = await _tpm.InvokeAsync(chip =>
                {
                    Volatile.Write(ref _underWay, 0);
                    return _guard.Sync(chip);
                });
                if (done || Interlocked.Exchange(ref _underWay, 1) != 0)
                    return;
            }
            catch (KeysException e)
            {
                Volatile.Write(ref _underWay, 1);
                if (!_stopped)
                    _log.Problem($"The TPM does not know of the last revocation yet: {e.Message}");
            }
            await Task.Delay(Retry, _time);
        }
    }
}
