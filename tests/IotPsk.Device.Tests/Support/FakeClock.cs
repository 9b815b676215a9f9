namespace IotPsk.Device.Tests.Support;

/// <summary>Time that passes only when somebody waits.</summary>
internal sealed class FakeClock : IClock
{
    private long _now = 1000;

    /// <summary>What another thread does just when somebody looks at the clock.</summary>
    internal Action? Meanwhile { get; set; }

    public long Now
    {
        get
        {
            Action? meanwhile = Meanwhile;
            Meanwhile = null;
            meanwhile?.Invoke();
            if (meanwhile is not null)
                Meanwhile = meanwhile;
            return Interlocked.Read(ref _now);
        }
    }

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
