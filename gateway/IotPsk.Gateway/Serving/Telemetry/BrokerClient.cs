using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>Keeps a connection to the broker, as often as it breaks.</summary>
internal sealed class BrokerClient(BrokerOptions options, BrokerWork work, TelemetryQueue queue, TimeProvider time, ILogger log) : IAsyncDisposable
{
    internal const int LongestPauseSeconds = 15;
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;
    private volatile bool _isConnected;
    private string? _told;

    internal bool IsConnected => _isConnected;

    internal void Start() => _running = RunAsync();

    /// <summary>Says DISCONNECT and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        // The first steps are work too: the caller has something else to do.
        await Task.Yield();
        for (int failures = 0; !_stop.IsCancellationRequested;)
        {
            long published = work.Counters.Published;
            try
            {
                await ConnectAsync();
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (BrokerException e)
            {
                Tell(e);
            }
            catch (Exception e)
            {
                log.Fault(e);
            }
            failures = work.Counters.Published > published ? 1 : failures + 1;
            if (!await PauseAsync(failures))
                return;
        }
    }

    private async Task ConnectAsync()
    {
        await using var connection = new BrokerConnection(options, work, time, log);
        try
        {
            await connection.OpenAsync(_stop.Token);
        }
        catch (BrokerException)
        {
            work.Counters.CountConnectFailure();
            throw;
        }
        work.Connected();
        work.Counters.CountConnect();
        _isConnected = true;
        _told = null;
        log.BrokerConnected(options.Address.ToString(), queue.Count);
        try
        {
            await connection.RunAsync(_stop.Token);
        }
        catch (BrokerException e) when (e.ClosedByBroker)
        {
            if (work.ConnectionEnded() is { } guilty)
                log.MessagePutAside(TelemetryStore.Cost(guilty.Topic, guilty.Payload.Length), LogName.Of(guilty.Topic.Split('/')[0]));
            throw;
        }
        finally
        {
            _isConnected = false;
        }
    }

    // A broker that is away for a night is told once, not at each attempt.
    private void Tell(BrokerException e)
    {
        if (_told == e.Message)
            return;
        _told = e.Message;
        log.BrokerAway(options.Address.ToString(), e.Message, LongestPauseSeconds);
    }

    // Twice as long each time, and not in step with other gateways that lost the same broker.
    private async Task<bool> PauseAsync(int failures)
    {
        int longest = 1000 * Math.Min(LongestPauseSeconds, 1 << Math.Min(failures - 1, 10));
        try
        {
            await Task.Delay(TimeSpan.FromMilliseconds(RandomNumberGenerator.GetInt32(longest / 2, longest + 1)), time, _stop.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
