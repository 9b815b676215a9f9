namespace IotPsk.Tls.Crypto;

/// <summary>One ephemeral (EC)DH key pair.</summary>
internal abstract class KeyAgreement(NamedGroup group) : IDisposable
{
    /// <summary>The length of the shared secret of every group here.</summary>
    public const int SecretLength = 32;

    public const int MaxPublicKeyLength = 65;

    public NamedGroup Group { get; } = group;

    public abstract void WritePublicKey(Span<byte> destination);

    /// <summary>False if the peer's key is not valid: not on the curve, or of low order (RFC 8446 s4.2.8.2, s7.4.2).</summary>
    public abstract bool TryAgree(ReadOnlySpan<byte> peerPublicKey, Span<byte> secret);

    public abstract void Dispose();

    /// <summary>The length of a share: an uncompressed point, or a u-coordinate.</summary>
    public static int PublicKeyLength(NamedGroup group) => group switch
    {
        NamedGroup.Secp256r1 => 65,
        NamedGroup.X25519 => 32,
        _ => throw new ArgumentOutOfRangeException(nameof(group), group, "no such group"),
    };
}
