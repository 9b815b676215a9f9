namespace IotPsk.Lwm2m.Management;

/// <summary>An operation until it ends. Made by <see cref="DeviceDirectory.Ask"/>.</summary>
public sealed class PendingOperation
{
    private readonly Action<Lwm2mAnswer> _done;
    private readonly long _patience;
    private long _deadline;
    private int _isOver;

    internal PendingOperation(Lwm2mOperation operation, long now, long patience, Action<Lwm2mAnswer> done)
    {
        Operation = operation;
        _patience = patience;
        _deadline = now + patience;
        _done = done;
    }

    /// <summary>What was asked.</summary>
    public Lwm2mOperation Operation { get; }

    /// <summary>Whoever asked has the answer.</summary>
    public bool IsOver => Volatile.Read(ref _isOver) != 0;

    internal ManagedDevice? Device { get; init; }

    internal long Deadline => Volatile.Read(ref _deadline);

    /// <summary>How often it was sent to an association that ended before it was answered.</summary>
    internal int Interruptions { get; set; }

    internal Action? Ended { get; set; }

    /// <summary>A part of it was done: the time begins anew.</summary>
    internal void Progressed(long now) => Volatile.Write(ref _deadline, now + _patience);

    internal bool TryEnd(Lwm2mAnswer answer)
    {
        if (Interlocked.Exchange(ref _isOver, 1) != 0)
            return false;
        Ended?.Invoke();
        _done(answer);
        return true;
    }
}
