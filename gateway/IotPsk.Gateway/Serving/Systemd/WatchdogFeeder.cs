using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving.Systemd;

/// <summary>Tells the service manager twice in its interval that the service works, as long as that is so.</summary>
internal sealed class WatchdogFeeder : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _feeding;

    private WatchdogFeeder(ServiceManager manager, TimeSpan interval, GatewayService service, ILogger log) => _feeding = FeedAsync(manager, interval, service, log);

    /// <summary>Null when nobody asks for it.</summary>
    internal static WatchdogFeeder? Start(ServiceManager manager, GatewayService service, ILogger log) =>
        manager.Watchdog is { } interval ? new WatchdogFeeder(manager, interval, service, log) : null;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _feeding;
        _stop.Dispose();
    }

    private async Task FeedAsync(ServiceManager manager, TimeSpan interval, GatewayService service, ILogger log)
    {
        try
        {
            using var timer = new PeriodicTimer(interval / 2);
            string? told = null;
            do
            {
                string? stuck = await service.FindStuckAsync(interval / 2, interval);
                if (stuck is null)
                    manager.IsAlive();
                else if (stuck != told)
                    log.Stuck(stuck);
                told = stuck;
            }
            while (await timer.WaitForNextTickAsync(_stop.Token));
        }
        catch (OperationCanceledException)
        {
            // The service stops.
        }
    }
}
