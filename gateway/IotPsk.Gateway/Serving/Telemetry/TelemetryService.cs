using System.Diagnostics.CodeAnalysis;
using IotPsk.Gateway.Configuration;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>The gateway's own traffic with the broker: values and events out, commands in. It runs where something is served that has any.</summary>
internal sealed class TelemetryService : ITelemetryOutlet, IAsyncDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);
    private readonly string _state;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CommandRouter _router;
    private volatile TelemetryQueue? _queue;
    private BrokerWork? _work;
    private BrokerClient? _client;
    private BrokerOptions? _options;

    /// <param name="state">The state directory, where the queue lies.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Is told what goes wrong.</param>
    internal TelemetryService(string state, TimeProvider time, ILogger log)
    {
        (_state, _time, _log) = (state, time, log);
        _router = new CommandRouter(this, Counters, log);
    }

    internal TelemetryCounters Counters { get; } = new();

    /// <summary>Null while nothing is served that needs it.</summary>
    internal TelemetryQueue? Queue => _queue;

    internal bool IsConnected => _client is { IsConnected: true };

    /// <summary>Messages that were put aside since the start.</summary>
    internal int Aside => _work?.Aside ?? 0;

    /// <summary>Asked in the order of their registration.</summary>
    internal void Register(ICommandHandler handler) => _router.Register(handler);

    /// <inheritdoc/>
    public void Publish(string topic, ReadOnlyMemory<byte> payload, bool retain, Action<bool>? taken)
    {
        if (_queue is not { } queue)
        {
            Counters.Count(TelemetryRefusal.Stopping);
            taken?.Invoke(false);
        }
        else if (TelemetryTopic.IsGood(topic))
            queue.Add(topic, payload, retain, taken);
        else
            queue.Refuse(TelemetryRefusal.InvalidTopic, taken);
    }

    /// <summary>Does all of a change that can fail: from here on messages are taken, if they are to be.</summary>
    /// <returns>What to give to <see cref="ChangeAsync"/>; null if nothing is served that needs a broker.</returns>
    /// <exception cref="UserError">The password or the queue cannot be read.</exception>
    internal BrokerOptions? Prepare(TelemetryConfiguration configuration, bool isNeeded)
    {
        if (!isNeeded)
            return null;
        byte[]? password = BrokerPassword.Read(configuration.PasswordFile);
        long limit = (long)configuration.QueueMegabytes << 20;
        if (_queue is null)
            OpenQueue(limit);
        else
            _queue.Limit = limit;
        return new BrokerOptions
        {
            Address = configuration.Mqtt,
            Prefix = configuration.TopicPrefix,
            ClientId = _queue!.ClientId,
            User = configuration.User,
            Password = password,
        };
    }

    /// <summary>Goes to another broker, or to the same one as another user, if anything changed.</summary>
    internal async Task ChangeAsync(BrokerOptions? options)
    {
        if (Same(_options, options))
            return;
        if (_client is not null)
            await _client.DisposeAsync();
        (_options, _client) = (options, null);
        if (options is null)
            return;
        _client = new BrokerClient(options, _work!, _queue!, _time, _log);
        _client.Start();
    }

    /// <summary>Lets a connected broker take what is queued, for <paramref name="drain"/> at most; the rest stays on the disk.</summary>
    internal async Task StopAsync(TimeSpan drain)
    {
        long start = _time.GetTimestamp();
        while (IsConnected && !_queue!.IsIdle && _time.GetElapsedTime(start) < drain)
            await Task.Delay(Look, _time);
        if (_client is not null)
            await _client.DisposeAsync();
        _client = null;
        _queue?.Dispose();
    }

    public async ValueTask DisposeAsync() => await StopAsync(TimeSpan.Zero);

    [SuppressMessage("Reliability", "CA2000", Justification = "The queue disposes its file.")]
    private void OpenQueue(long limit)
    {
        TelemetryStore store = TelemetryStore.Open(_state, limit, out string? aside);
        if (aside is not null)
            _log.TelemetryQueueDamaged(aside);
        var queue = new TelemetryQueue(store, limit, Counters, _time, _log);
        _work = new BrokerWork(queue, _router, Counters, _time);
        _queue = queue;
    }

    private static bool Same(BrokerOptions? one, BrokerOptions? other) =>
        one is null || other is null
            ? one == other
            : one with { Password = null } == other with { Password = null } && Bytes(one.Password).SequenceEqual(Bytes(other.Password));

    private static ReadOnlySpan<byte> Bytes(byte[]? password) => password;
}
