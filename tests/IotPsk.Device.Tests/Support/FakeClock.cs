namespace IotPsk.Device.Tests.Support;

/// <summary>Time that passes only when somebody waits.</summary>
internal sealed class FakeClock : IClock
{
    private long _now = 1000;

    public long Now => Interlocked.Read(ref _now);

    internal List<int> Waits { get; } = [];

    public bool Wait(AutoResetEvent signal, int milliseconds)
    {
        if (signal.WaitOne(0))
            return true;
        lock (Waits)
            Waits.Add(milliseconds);
        Advance(milliseconds);
        return false;
    }

    internal void Advance(long milliseconds) => Interlocked.Add(ref _now, milliseconds);
}
