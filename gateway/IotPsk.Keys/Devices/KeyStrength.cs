namespace IotPsk.Keys;

/// <summary>What a pre-shared key from outside must be (RFC 9257 s6).</summary>
public static class KeyStrength
{
    /// <summary>Shortest key, in bytes: 128 bits (RFC 9257 s6).</summary>
    public const int MinSize = 16;

    /// <summary>Longest key, in bytes.</summary>
    public const int MaxSize = 256;

    /// <summary>Refuses keys that cannot be strong, and says what is suspicious about the others.</summary>
    /// <param name="key">The key.</param>
    /// <param name="where">Where it comes from, for messages.</param>
    /// <returns>A warning, or null.</returns>
    /// <exception cref="DeviceKeyException">Shorter than 128 bits, longer than is supported, or one byte repeated.</exception>
    public static string? Check(ReadOnlySpan<byte> key, string where)
    {
        // RFC 9257 s6: a PSK has at least 128 bits of entropy, hence of length.
        if (key.Length < MinSize)
            throw new DeviceKeyException($"The key in {where} has {key.Length} bytes: a key needs {MinSize} at least, from a random generator");
        if (key.Length > MaxSize)
            throw new DeviceKeyException($"The key in {where} has {key.Length} bytes: {MaxSize} are the most");
        if (!key.ContainsAnyExcept(key[0]))
            throw new DeviceKeyException($"The key in {where} is one byte repeated: make one with a random generator, such as head -c 32 /dev/urandom");
        // RFC 9257 s6: passwords and other low-entropy keys fall to a dictionary; psk_ke and TLS 1.2 let a recording be searched.
        return key.ContainsAnyExceptInRange((byte)0x09, (byte)0x7e)
            ? null
            : $"The key in {where} is printable text ({key.Length} bytes): a password can be guessed from a recording (RFC 9257 s6), and hexadecimal digits are taken as they stand. " +
                "Use a random key, such as head -c 32 /dev/urandom makes";
    }
}
