namespace IotPsk.Gateway.Serving.Lwm2m;

/// <summary>
/// Milliseconds since 1970 that only go on: read once from the wall clock, then counted, so that a clock that is set changes no lifetime, and
/// what was written before a restart means the same after it. Shards have clocks of their own, which mean nothing to each other.
/// </summary>
internal sealed class Lwm2mClock(TimeProvider time)
{
    private readonly long _origin = time.GetTimestamp(), _start = time.GetUtcNow().ToUnixTimeMilliseconds();

    internal long Now => _start + (long)time.GetElapsedTime(_origin).TotalMilliseconds;
}
