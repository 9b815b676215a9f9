using IotPsk.Keys;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving;

/// <summary>Keeps the key cache over restarts: read at the start, written now and then and at the end.</summary>
internal sealed class KeyCacheKeeper : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10), Patience = TimeSpan.FromSeconds(2);
    private readonly SealedKeyCache _cache;
    private readonly KeyService _keys;
    private readonly TpmOwner _tpm;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private Task _writing = Task.CompletedTask;
    private long _written;

    private KeyCacheKeeper(IRegistry registry, KeyService keys, TpmOwner tpm, TimeProvider time, ILogger log)
    {
        _cache = new SealedKeyCache(registry, keys);
        (_keys, _tpm, _time, _log) = (keys, tpm, time, log);
    }

    /// <summary>Fills the cache: one TPM command for each accepted epoch.</summary>
    internal static async Task<KeyCacheKeeper> StartAsync(IRegistry registry, KeyService keys, TpmOwner tpm, TimeProvider time, ILogger log)
    {
        var keeper = new KeyCacheKeeper(registry, keys, tpm, time, log);
        try
        {
            await keeper.UnlockAsync(keeper._stop.Token);
            (int count, string? problem) = keeper._cache.Load();
            if (problem is not null)
                log.Problem(problem);
            else if (count > 0)
                log.KeysKept(count);
            keeper._writing = keeper.WriteAsync();
            return keeper;
        }
        catch
        {
            await keeper.DisposeAsync();
            throw;
        }
    }

    /// <summary>Writes once more, while the keys are there.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _writing;
        try
        {
            // A rotation since the last time brought an epoch that is not unlocked yet, and the one before may be retired.
            using var patience = new CancellationTokenSource(Patience);
            await UnlockAsync(patience.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or KeysException)
        {
            // Without the TPM there is what was unlocked before; Save tells if that is nothing.
        }
        Save();
        _cache.Dispose();
        _stop.Dispose();
    }

    private async Task WriteAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(Interval, _time, _stop.Token);
                // Every time: a rotation may have brought an epoch that is not unlocked yet.
                await UnlockAsync(_stop.Token);
                Save();
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (KeysException e)
            {
                _log.Problem($"The key cache is not kept: {e.Message}");
            }
        }
    }

    private Task<bool> UnlockAsync(CancellationToken cancellation) => _tpm.InvokeAsync(tpm =>
    {
        _cache.Unlock(tpm);
        return true;
    }, cancellation: cancellation);

    private void Save()
    {
        // Nothing was derived: the file has it all.
        long derived = _keys.Counters[KeyStatus.Ok];
        if (derived == _written)
            return;
        try
        {
            _cache.Save();
            _written = derived;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException or KeysException)
        {
            _log.Problem($"The key cache is not kept: {e.Message}");
        }
    }
}
