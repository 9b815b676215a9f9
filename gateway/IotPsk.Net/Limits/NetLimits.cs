namespace IotPsk.Net;

/// <summary>What a <see cref="ShardSet"/> allows its peers. Counts hold for all shards together; 0 is "no limit".</summary>
public sealed record NetLimits
{
    /// <summary>From accept to a finished handshake, key look-up included. Progress does not extend it. Default 10 s.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Connections that have not finished their handshake. Default 100 000.</summary>
    public int HalfOpen { get; init; } = 100_000;

    /// <summary>The same per source prefix (/24 of IPv4, /48 of IPv6); loopback is exempt. Default 1 000.</summary>
    public int HalfOpenPerPrefix { get; init; } = 1_000;

    /// <summary>Connections in any state. Default: no limit but that of descriptors.</summary>
    public int Connections { get; init; }

    /// <summary>From the handshake to the prologue's decision (for MQTT: the whole CONNECT). Default 10 s.</summary>
    public TimeSpan PrologueTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Plaintext a prologue may ask to see, in bytes, 1..1 048 576. Default 65 536.</summary>
    public int PrologueBytes { get; init; } = 64 * 1024;

    /// <summary>For the connection to the upstream. Default 5 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a peer gets to take the last bytes and close its side, once this side has. Default 5 s.</summary>
    public TimeSpan LingerTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a client that has sent close_notify may wait for the upstream's next bytes. Default 60 s.</summary>
    public TimeSpan HalfClosedTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Silence after which the kernel probes whether a client is still there (TCP keep-alive). Default 5 min; zero switches it off.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The prefix limit skips loopback; tests, which have nothing but loopback, do not.</summary>
    internal bool ExemptLoopback { get; init; } = true;

    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range; the message names it.</exception>
    internal void Validate()
    {
        Positive(HandshakeTimeout, nameof(HandshakeTimeout));
        Positive(PrologueTimeout, nameof(PrologueTimeout));
        Positive(ConnectTimeout, nameof(ConnectTimeout));
        Positive(LingerTimeout, nameof(LingerTimeout));
        Positive(HalfClosedTimeout, nameof(HalfClosedTimeout));
        ArgumentOutOfRangeException.ThrowIfLessThan(KeepAlive, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfNegative(HalfOpen);
        ArgumentOutOfRangeException.ThrowIfNegative(HalfOpenPerPrefix);
        ArgumentOutOfRangeException.ThrowIfNegative(Connections);
        ArgumentOutOfRangeException.ThrowIfLessThan(PrologueBytes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(PrologueBytes, 1 << 20);
    }

    private static void Positive(TimeSpan value, string name)
    {
        if (value <= TimeSpan.Zero || value > TimeSpan.FromDays(1))
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be above zero and at most one day.");
    }
}
