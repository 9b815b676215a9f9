namespace IotPsk.Net;

/// <summary>What a <see cref="DatagramListener"/> allows its peers, beside the counts of half-open handshakes in <see cref="NetLimits"/>.</summary>
public sealed record DatagramLimits
{
    /// <summary>
    /// From a verified hello to the finished handshake, key look-up included. Default 60 s: a client of the RFC 7925 profile
    /// repeats a lost flight after 9 s only.
    /// </summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Associations of all shards together. When they are reached, the one that was silent longest makes room. Default 1 000 000.</summary>
    public int Associations { get; init; } = 1_000_000;

    /// <summary>Silence after which an association is forgotten. Default 30 days: devices sleep long, and to wake them up to a handshake costs them dearly.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How long a device may take to answer at an address it moved to, before the old one counts again. Default 60 s.</summary>
    public TimeSpan PathTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range; the message names it.</exception>
    internal void Validate()
    {
        Positive(HandshakeTimeout, TimeSpan.FromDays(1), nameof(HandshakeTimeout));
        Positive(PathTimeout, TimeSpan.FromDays(1), nameof(PathTimeout));
        Positive(IdleTimeout, TimeSpan.FromDays(3650), nameof(IdleTimeout));
        ArgumentOutOfRangeException.ThrowIfLessThan(Associations, 1);
    }

    private static void Positive(TimeSpan value, TimeSpan most, string name)
    {
        if (value <= TimeSpan.Zero || value > most)
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be above zero and at most {most.TotalDays} days.");
    }
}
