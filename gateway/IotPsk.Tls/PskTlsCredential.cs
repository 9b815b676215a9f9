using IotPsk.Tls.Crypto;

namespace IotPsk.Tls;

/// <summary>An identity and its key, as a client offers them. The key lies in native memory and is zeroed by <see cref="Dispose"/>.</summary>
public sealed class PskTlsCredential : IDisposable
{
    private readonly byte[] _identity;
    private readonly SecretBuffer _key;

    /// <param name="identity">The identity on the wire, 1..65535 bytes; for an imported PSK the serialised ImportedIdentity.</param>
    /// <param name="key">The key, 1..65535 bytes; copied.</param>
    /// <param name="binder">The kind of the key.</param>
    /// <param name="hash">The key's hash.</param>
    /// <exception cref="ArgumentException">Something is empty, too long or unknown.</exception>
    public PskTlsCredential(ReadOnlySpan<byte> identity, ReadOnlySpan<byte> key, PskBinder binder, TlsHash hash)
        : this(identity, key, binder, hash, 0)
    {
    }

    internal PskTlsCredential(ReadOnlySpan<byte> identity, ReadOnlySpan<byte> key, PskBinder binder, TlsHash hash, uint obfuscatedTicketAge)
    {
        if (identity.Length is 0 or > ushort.MaxValue)
            throw new ArgumentException("an identity has 1 to 65535 bytes (RFC 8446 s4.2.11)", nameof(identity));
        if (key.Length is 0 or > ushort.MaxValue)
            throw new ArgumentException("a PSK has 1 to 65535 bytes (RFC 4279 s2)", nameof(key));
        if (!Enum.IsDefined(binder))
            throw new ArgumentOutOfRangeException(nameof(binder), binder, "no such binder");
        if (!Enum.IsDefined(hash))
            throw new ArgumentOutOfRangeException(nameof(hash), hash, "no such hash");
        _identity = identity.ToArray();
        _key = new SecretBuffer(key);
        Binder = binder;
        Hash = hash;
        ObfuscatedTicketAge = obfuscatedTicketAge;
    }

    /// <summary>The identity on the wire; it is not secret.</summary>
    public ReadOnlySpan<byte> Identity => _identity;

    /// <summary>The kind of the key.</summary>
    public PskBinder Binder { get; }

    /// <summary>The key's hash.</summary>
    public TlsHash Hash { get; }

    /// <summary>RFC 8446 s4.2.11: 0 for a PSK from outside.</summary>
    internal uint ObfuscatedTicketAge { get; }

    internal ReadOnlySpan<byte> Key => _key.Span;

    /// <summary>Zeroes the key. Connections that use the credential must be over their handshake.</summary>
    public void Dispose() => _key.Dispose();
}
