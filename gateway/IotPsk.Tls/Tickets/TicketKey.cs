using IotPsk.Tls.Crypto;

namespace IotPsk.Tls;

/// <summary>A secret that tickets are sealed under, with the name that tickets carry in clear. It lies in native memory and is zeroed by <see cref="Dispose"/>.</summary>
public sealed class TicketKey : IDisposable
{
    /// <summary>The length of a name, in bytes.</summary>
    public const int NameLength = 8;

    /// <summary>The length of a secret, in bytes.</summary>
    public const int SecretLength = 32;

    private readonly byte[] _name;
    private readonly SecretBuffer _secret;

    /// <param name="name">Names the key among all keys ever used, <see cref="NameLength"/> bytes; public.</param>
    /// <param name="secret"><see cref="SecretLength"/> random bytes; copied.</param>
    /// <exception cref="ArgumentException">A length is wrong.</exception>
    public TicketKey(ReadOnlySpan<byte> name, ReadOnlySpan<byte> secret)
    {
        if (name.Length != NameLength)
            throw new ArgumentException($"the name of a ticket key has {NameLength} bytes", nameof(name));
        if (secret.Length != SecretLength)
            throw new ArgumentException($"the secret of a ticket key has {SecretLength} bytes", nameof(secret));
        _name = name.ToArray();
        _secret = new SecretBuffer(secret);
    }

    /// <summary>The name; it is not secret.</summary>
    public ReadOnlySpan<byte> Name => _name;

    internal ReadOnlySpan<byte> Secret => _secret.Span;

    /// <summary>Zeroes the secret. A <see cref="TicketKeys"/> made from the key has a copy of its own.</summary>
    public void Dispose() => _secret.Dispose();
}
