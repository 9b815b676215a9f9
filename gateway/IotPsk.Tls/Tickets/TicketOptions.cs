namespace IotPsk.Tls;

/// <summary>How a server makes and takes tickets (RFC 8446 s4.6.1).</summary>
public sealed class TicketOptions
{
    /// <summary>The longest lifetime of a ticket: 7 days, in seconds (RFC 8446 s4.6.1).</summary>
    public const int MaxLifetimeSeconds = 604_800;

    /// <summary>The longest chain of resumptions from one external PSK: 30 days, in seconds.</summary>
    public const int MaxChainSeconds = 30 * 86_400;

    /// <summary>The keys; the owner replaces what is in them.</summary>
    public required TicketKeys Keys { get; init; }

    /// <summary>Where sessions of TLS 1.2 are kept for clients without tickets; null, the default: they are not resumed.</summary>
    public ISessionCache? SessionCache { get; init; }

    /// <summary>How long a ticket is good, 1..604800 seconds. Default one day.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public int LifetimeSeconds
    {
        get;

        // RFC 8446 s4.6.1: a server does not use more than 604800.
        init => field = InRange(value, 1, MaxLifetimeSeconds, nameof(LifetimeSeconds));
    }
    = 86_400;

    /// <summary>How long after its external PSK was last used a client may go on resuming, 1..2592000 seconds. Default 30 days.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public int ChainSeconds
    {
        get;
        init => field = InRange(value, 1, MaxChainSeconds, nameof(ChainSeconds));
    }
    = MaxChainSeconds;

    /// <summary>How many tickets follow a handshake, 0..8; with 0 tickets are only taken. TLS 1.2 knows one at most. Default 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public int Count
    {
        get;
        init => field = InRange(value, 0, 8, nameof(Count));
    }
    = 1;

    private static int InRange(int value, int min, int max, string name)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, min, name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, max, name);
        return value;
    }
}
