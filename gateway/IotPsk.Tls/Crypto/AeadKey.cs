namespace IotPsk.Tls.Crypto;

/// <summary>A raw key with a number that names it in the provider's cache of keyed contexts.</summary>
internal readonly ref struct AeadKey(AeadAlgorithm algorithm, long id, ReadOnlySpan<byte> bytes)
{
    /// <summary>The number of keys that serve for one operation: they have a place of their own in the cache, and are forgotten after it.</summary>
    public const long SingleUse = 0;

    private static long s_lastId;

    public AeadAlgorithm Algorithm { get; } = algorithm;

    /// <summary>Never used for another key in this process, but for <see cref="SingleUse"/>.</summary>
    public long Id { get; } = id;

    public ReadOnlySpan<byte> Bytes { get; } = bytes;

    public static long NewId() => Interlocked.Increment(ref s_lastId);
}
