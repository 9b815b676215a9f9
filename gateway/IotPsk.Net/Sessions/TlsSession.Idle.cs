namespace IotPsk.Net.Sessions;

/// <summary>Silence of both sides while relaying. The timer is looked at when it runs out, not moved with every byte.</summary>
internal sealed partial class TlsSession
{
    // The armed timer is this one, and any other takes its place.
    private bool _idles;
    private long _lastPassed;

    private void BeginIdling()
    {
        if (_options.IdleTimeout == TimeSpan.Zero) return;
        _lastPassed = _shard.Loop.Now;
        ArmIdle(_options.IdleTimeout);
    }

    private void ArmIdle(TimeSpan delay)
    {
        Arm(delay);
        _idles = true;
    }

    private void IdleTimedOut()
    {
        var rest = _options.IdleTimeout - TimeSpan.FromMilliseconds(_shard.Loop.Now - _lastPassed);
        if (rest > TimeSpan.Zero) ArmIdle(rest);
        else EndWithNotify(CloseReason.IdleTimeout);
    }
}
