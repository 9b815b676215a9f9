using IotPsk.Tls.Crypto;

namespace IotPsk.Tls.Dtls;

/// <summary>The secrets of cookies at one time: the current one and the one before it. Never changed, so that threads may share it.</summary>
internal sealed class CookieSecrets
{
    /// <summary>How long a secret is the current one, in milliseconds; then its cookies are good for as long again.</summary>
    public const long Lifetime = 60_000;

    public const int Length = 32;

    /// <summary>The current one and the one before it. Nobody knows which thread uses them last, so their finalizers zero them.</summary>
    private readonly SecretBuffer?[] _secrets;

    private readonly long _since;

    public CookieSecrets(CryptoProvider crypto, long now)
        : this(crypto, now, generation: 0, previous: null)
    {
    }

    private CookieSecrets(CryptoProvider crypto, long now, byte generation, SecretBuffer? previous)
    {
        var current = new SecretBuffer(Length);
        crypto.FillRandom(current.Span);
        _secrets = [current, previous];
        _since = now;
        Generation = generation;
    }

    /// <summary>Cookies name their secret by it.</summary>
    public byte Generation { get; }

    public bool IsDue(long now) => now - _since >= Lifetime;

    /// <summary>New ones; the one before the current stays if it was not the current one for too long.</summary>
    public CookieSecrets Renew(CryptoProvider crypto, long now) =>
        new(crypto, now, unchecked((byte)(Generation + 1)), now - _since < 2 * Lifetime ? _secrets[0] : null);

    /// <summary>The secret of a generation; null if it is gone.</summary>
    public SecretBuffer? Find(byte generation)
    {
        if (generation == Generation)
            return _secrets[0];
        return generation == unchecked((byte)(Generation - 1)) ? _secrets[1] : null;
    }
}
