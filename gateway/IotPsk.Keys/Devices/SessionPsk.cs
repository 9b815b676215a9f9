namespace IotPsk.Keys;

/// <summary>The PSK of one (D)TLS 1.2 session: HMAC-SHA256(K, "pre master secret" client_random server_random).</summary>
public static class SessionPsk
{
    /// <summary>Length of a hello's random, in bytes (RFC 5246 s7.4.1.2).</summary>
    public const int RandomSize = 32;

    /// <summary>Length of the random without its first four bytes, once gmt_unix_time, which some clients do not show.</summary>
    public const int ShortRandomSize = 28;

    /// <summary>Length of the PSK, in bytes.</summary>
    public const int Size = 32;

    /// <summary>Longest message that is authenticated, in bytes.</summary>
    public const int MaxMessageSize = 17 + (2 * RandomSize);

    private static ReadOnlySpan<byte> Label => "pre master secret"u8;

    /// <summary>Writes what is authenticated: label, client_random, server_random.</summary>
    /// <param name="clientRandom">32 bytes.</param>
    /// <param name="serverRandom">32 bytes.</param>
    /// <param name="randoms">How many of each count: 32, or the last 28.</param>
    /// <param name="target">At least <see cref="MaxMessageSize"/> bytes.</param>
    /// <returns>The length.</returns>
    /// <exception cref="ArgumentException">A random of another length, or another form than 32 or 28.</exception>
    public static int WriteMessage(ReadOnlySpan<byte> clientRandom, ReadOnlySpan<byte> serverRandom, int randoms, Span<byte> target)
    {
        if (clientRandom.Length != RandomSize || serverRandom.Length != RandomSize)
            throw new ArgumentException($"A random has {RandomSize} bytes.", nameof(clientRandom));
        if (randoms is not (RandomSize or ShortRandomSize))
            throw new ArgumentException($"Randoms count with {RandomSize} or {ShortRandomSize} bytes.", nameof(randoms));
        Label.CopyTo(target);
        clientRandom[^randoms..].CopyTo(target[Label.Length..]);
        serverRandom[^randoms..].CopyTo(target[(Label.Length + randoms)..]);
        return Label.Length + (2 * randoms);
    }
}
