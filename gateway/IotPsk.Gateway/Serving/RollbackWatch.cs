using IotPsk.Keys;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving;

/// <summary>Has the TPM remember each revocation: a registry older than that does not start.</summary>
internal sealed class RollbackWatch
{
    private readonly RollbackGuard _guard;
    private readonly TpmOwner _tpm;
    private readonly ILogger _log;
    private int _underWay;

    private RollbackWatch(SqliteRegistry registry, TpmOwner tpm, ILogger log)
    {
        (_guard, _tpm, _log) = (new RollbackGuard(registry), tpm, log);
        registry.DeviceChanged += device =>
        {
            if (device.IsRevoked)
                _ = SyncAsync();
        };
        registry.FleetChanged += fleet => { _ = SyncAsync(); };
    }

    /// <summary>Compares registry and counter, and keeps them together as long as the registry lives.</summary>
    internal static async Task StartAsync(SqliteRegistry registry, TpmOwner tpm, ILogger log)
    {
        var watch = new RollbackWatch(registry, tpm, log);
        await tpm.InvokeAsync(chip =>
        {
            watch._guard.Check(chip);
            return watch._guard.Sync(chip);
        });
    }

    // Many revocations at once are one look at the registry.
    private async Task SyncAsync()
    {
        if (Interlocked.Exchange(ref _underWay, 1) != 0)
            return;
        try
        {
            await _tpm.InvokeAsync(chip =>
            {
                Volatile.Write(ref _underWay, 0);
                return _guard.Sync(chip);
            });
        }
        catch (Exception e) when (e is KeysException or ObjectDisposedException)
        {
            Volatile.Write(ref _underWay, 0);
            if (e is KeysException)
                _log.Problem($"The TPM does not know of the last revocation yet: {e.Message}");
        }
    }
}
