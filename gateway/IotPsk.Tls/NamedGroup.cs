namespace IotPsk.Tls;

/// <summary>Groups of a key exchange by their wire value (RFC 8446 s4.2.7).</summary>
public enum NamedGroup : ushort
{
    /// <summary>No group: the session runs in psk_ke mode.</summary>
    None = 0,

    /// <summary>NIST P-256.</summary>
    Secp256r1 = 0x0017,

    /// <summary>X25519 (RFC 7748).</summary>
    X25519 = 0x001d,
}
