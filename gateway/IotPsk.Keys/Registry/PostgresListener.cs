using Npgsql;

namespace IotPsk.Keys;

/// <summary>Hears of changes as they are committed, on a connection of its own, which is made again for as long as it takes when it breaks.</summary>
internal sealed class PostgresListener : IDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500), LongestPause = TimeSpan.FromSeconds(5);
    private readonly NpgsqlDataSource _source;
    private readonly string _channel;
    private readonly Action _changed;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _listening;

    /// <summary>Listens from now on.</summary>
    /// <param name="source">Where.</param>
    /// <param name="channel">The channel, a plain identifier.</param>
    /// <param name="changed">Look for changes: something was committed, or may have been while nobody listened. Must not throw.</param>
    internal PostgresListener(NpgsqlDataSource source, string channel, Action changed)
    {
        (_source, _channel, _changed) = (source, channel, changed);
        _listening = Task.Run(ListenAsync);
    }

    /// <summary>Stops, and waits until the last look has ended.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _listening.GetAwaiter().GetResult();
        _stop.Dispose();
    }

    private async Task ListenAsync()
    {
        var pause = FirstPause;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await using var connection = await _source.OpenConnectionAsync(_stop.Token);
                await using (var command = new NpgsqlCommand($"LISTEN {_channel}", connection))
                    await command.ExecuteNonQueryAsync(_stop.Token);
                pause = FirstPause;
                while (true)
                {
                    // Before the first wait too: what was committed while nobody listened made no sound.
                    _changed();
                    await connection.WaitAsync(_stop.Token);
                }
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is NpgsqlException or IOException or TimeoutException or System.Net.Sockets.SocketException or InvalidOperationException or OperationCanceledException)
            {
                // The poll goes on meanwhile, and tells when it fails too.
            }

            try
            {
                await Task.Delay(pause, _stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }
}
