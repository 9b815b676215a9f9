namespace IotPsk.Net.Reactor;

/// <summary>
/// Milliseconds since the loop began, from a <see cref="TimeProvider"/>. With the system's provider epoll_wait itself
/// keeps the deadlines; any other (virtual) one has to wake the loop by its own timer.
/// </summary>
internal sealed class LoopClock : IDisposable
{
    private readonly TimeProvider _provider;
    private readonly ITimer? _alarm;
    private readonly long _origin;
    private readonly long _perMillisecond;
    private readonly long _frequency;
    private long _alarmAt = long.MaxValue;

    internal LoopClock(TimeProvider provider, Action wake)
    {
        _provider = provider;
        _origin = provider.GetTimestamp();
        _frequency = provider.TimestampFrequency;
        _perMillisecond = _frequency % 1000 == 0 ? _frequency / 1000 : 0;
        if (!ReferenceEquals(provider, TimeProvider.System))
            _alarm = provider.CreateTimer(static state => ((Action)state!)(), wake, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    internal long Milliseconds
    {
        get
        {
            var ticks = _provider.GetTimestamp() - _origin;
            return _perMillisecond != 0 ? ticks / _perMillisecond : (long)((Int128)ticks * 1000 / _frequency);
        }
    }

    internal DateTimeOffset UtcNow => _provider.GetUtcNow();

    /// <summary>How long epoll_wait may sleep for a deadline at <paramref name="expiry"/> when it is <paramref name="now"/>; -1 is for ever.</summary>
    internal int SleepFor(long now, long? expiry)
    {
        if (_alarm is null) return expiry is { } due ? (int)Math.Clamp(due - now, 0, int.MaxValue) : -1;
        return SetAlarm(expiry) ? -1 : 0;
    }

    // False: time has moved while the alarm was set, so the alarm may be late and the loop looks at the wheel again.
    private bool SetAlarm(long? expiry)
    {
        var at = expiry ?? long.MaxValue;
        if (at == _alarmAt) return true;
        _alarmAt = at;
        if (at == long.MaxValue)
        {
            _alarm!.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            return true;
        }
        var now = Milliseconds;
        if (at <= now) return Forget();
        _alarm!.Change(TimeSpan.FromMilliseconds(at - now), Timeout.InfiniteTimeSpan);
        return Milliseconds == now || Forget();
    }

    private bool Forget()
    {
        _alarmAt = long.MaxValue;
        return false;
    }

    public void Dispose() => _alarm?.Dispose();
}
