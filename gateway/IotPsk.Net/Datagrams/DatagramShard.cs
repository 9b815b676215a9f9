using IotPsk.Net.Datagrams;
using IotPsk.Net.Reactor;
using IotPsk.Net.Timers;

namespace IotPsk.Net;

/// <summary>
/// What an <see cref="IDatagramApplication"/> has of the shard it serves: a clock, one alarm, and the way to its thread.
/// All but <see cref="Index"/> and <see cref="TryPost"/> belongs to that thread.
/// </summary>
public sealed class DatagramShard
{
    private readonly DatagramEndpoint _endpoint;
    private readonly AlarmTimer _alarm;

    internal DatagramShard(DatagramEndpoint endpoint)
    {
        _endpoint = endpoint;
        _alarm = new AlarmTimer(endpoint);
    }

    /// <summary>Its number among those of the <see cref="ShardSet"/>, from 0.</summary>
    public int Index => _endpoint.ShardIndex;

    /// <summary>Milliseconds of the shard's own clock; they stand still while the application is called.</summary>
    public long Now => _endpoint.Loop.Now;

    /// <summary>Asks for <see cref="IDatagramApplication.Alarm"/>, once; a later call replaces an earlier one.</summary>
    /// <param name="time">When, by <see cref="Now"/>; a time that is over means in a millisecond, <see cref="long.MaxValue"/> not at all.</param>
    public void SetAlarm(long time)
    {
        if (time == long.MaxValue) _endpoint.Wheel.Cancel(_alarm);
        else _endpoint.Wheel.Arm(_alarm, time - Now);
    }

    /// <summary>Runs <paramref name="action"/> on the shard's thread, from any thread, unless the port is closed by then.</summary>
    /// <returns>False if the shard has ended.</returns>
    public bool TryPost(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        return _endpoint.Loop.TryPost(new DelegateWork(() => _endpoint.Run(action)));
    }

    internal void Close() => _endpoint.Wheel.Cancel(_alarm);

    private sealed class AlarmTimer(DatagramEndpoint endpoint) : TimerNode
    {
        internal override void OnTimer() => endpoint.Alarm();
    }
}
