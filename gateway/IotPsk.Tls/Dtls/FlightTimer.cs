namespace IotPsk.Tls.Dtls;

/// <summary>When a flight is repeated (RFC 6347 s4.2.4.1): the wait doubles each time, and the times are bounded.</summary>
internal struct FlightTimer
{
    public const long None = long.MaxValue;

    /// <summary>RFC 6347 s4.2.4.1: the wait grows to 60 seconds at least.</summary>
    private const int Longest = 60_000;

    private readonly int _initial;
    private readonly int _maxRetransmissions;
    private int _wait;
    private int _retransmissions;

    /// <param name="initial">The first wait, in milliseconds.</param>
    /// <param name="maxRetransmissions">How often a flight is repeated before the handshake is given up.</param>
    public FlightTimer(int initial, int maxRetransmissions)
    {
        _initial = _wait = initial;
        _maxRetransmissions = maxRetransmissions;
        Deadline = None;
    }

    /// <summary>When to repeat; <see cref="None"/> if nothing is waited for.</summary>
    public long Deadline { get; private set; }

    /// <summary>A new flight is out.</summary>
    public void Start(long now)
    {
        _wait = _initial;
        _retransmissions = 0;
        Deadline = now + _wait;
    }

    /// <summary>The peer's answer has begun, and something else is waited for.</summary>
    public void Pause() => Deadline = None;

    /// <summary>The rest of the peer's answer is waited for again.</summary>
    public void Resume(long now) => Deadline = now + _wait;

    /// <summary>The deadline has passed; false if the flight was repeated often enough.</summary>
    public bool TryRepeat(long now)
    {
        if (_retransmissions == _maxRetransmissions)
            return false;
        _retransmissions++;
        _wait = Math.Min(2 * _wait, Longest);
        Deadline = now + _wait;
        return true;
    }
}
