namespace IotPsk.Lwm2m.Management;

/// <summary>What a directory counted. Any thread may read and write.</summary>
public sealed class DirectoryCounters
{
    private readonly long[] _ended = new long[Enum.GetValues<Lwm2mFailure>().Length];
    private long _notifications, _sends, _refused, _kept;

    /// <summary>Notifications taken, first answers to observations among them.</summary>
    public long Notifications => Volatile.Read(ref _notifications);

    /// <summary>Requests for <c>/dp</c> taken.</summary>
    public long Sends => Volatile.Read(ref _sends);

    /// <summary>Notifications and sends that could not be read, or were more than a device may bring.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>Notifications and sends that could not be stored, so that the device keeps them.</summary>
    public long NotTaken => Volatile.Read(ref _kept);

    /// <summary>Operations that ended so; <see cref="Lwm2mFailure.None"/> for those that the device answered.</summary>
    /// <param name="failure">How.</param>
    /// <returns>Their number.</returns>
    public long Ended(Lwm2mFailure failure) => Volatile.Read(ref _ended[(int)failure]);

    internal void Count(Lwm2mFailure failure) => Interlocked.Increment(ref _ended[(int)failure]);

    internal void CountTaken(ValueSource source, bool taken)
    {
        if (!taken)
            Interlocked.Increment(ref _kept);
        else if (source == ValueSource.Send)
            Interlocked.Increment(ref _sends);
        else
            Interlocked.Increment(ref _notifications);
    }

    internal void CountRefused() => Interlocked.Increment(ref _refused);
}
