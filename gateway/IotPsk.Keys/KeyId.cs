namespace IotPsk.Keys;

/// <summary>What a device key is used for; each use has a key of its own (RFC 9258 s4, s7).</summary>
public enum KeyUse
{
    /// <summary>Imported PSK, TLS 1.3, HKDF_SHA256.</summary>
    ImportedTls13Sha256,

    /// <summary>Imported PSK, TLS 1.3, HKDF_SHA384.</summary>
    ImportedTls13Sha384,

    /// <summary>Imported PSK, DTLS 1.3, HKDF_SHA256.</summary>
    ImportedDtls13Sha256,

    /// <summary>Plain external PSK, TLS 1.3, SHA-256 ("ext binder").</summary>
    External13,

    /// <summary>(D)TLS 1.2 PSK.</summary>
    Psk12,

    /// <summary>(D)TLS 1.2 PSK of one session, made from its randoms; never cached.</summary>
    Session12,
}

/// <summary>Names one key of one device.</summary>
/// <param name="DeviceId">Device id.</param>
/// <param name="Epoch">Fleet key epoch, 1 or more; <see cref="Shared.ExternalIdentity.ResidentEpoch"/> or <see cref="Shared.ExternalIdentity.SessionEpoch"/> for a key of the device's own.</param>
/// <param name="Use">What the key is for.</param>
public readonly record struct KeyId(string DeviceId, int Epoch, KeyUse Use)
{
    /// <summary>Whether the key is made for one session, by <see cref="KeyService.RequestSession"/>.</summary>
    public bool IsPerSession => Use == KeyUse.Session12;

    /// <summary>Whether session tickets may follow: not where each use of the key is to pass the TPM.</summary>
    public bool AllowsTickets => Epoch > 0;

    /// <summary>Whether the fleet has the epoch; keys of a device's own have none, and last as long as the device.</summary>
    /// <param name="fleet">The fleet as it is now.</param>
    public bool IsAcceptedBy(FleetRecord? fleet) => fleet != null && (Epoch < 0 || fleet.Epoch(Epoch) is { IsAccepted: true });
}

/// <summary>Properties of the uses.</summary>
public static class KeyUses
{
    /// <summary>Longest key of any use, in bytes.</summary>
    public const int MaxKeySize = 48;

    /// <summary>Key length in bytes: the output of the target KDF (RFC 9258 s5.1), else that of HMAC-SHA256.</summary>
    public static int KeySize(this KeyUse use) => use == KeyUse.ImportedTls13Sha384 ? 48 : 32;

    /// <summary>Whether the key comes out of the RFC 9258 importer.</summary>
    public static bool IsImported(this KeyUse use) =>
        use is KeyUse.ImportedTls13Sha256 or KeyUse.ImportedTls13Sha384 or KeyUse.ImportedDtls13Sha256;

    /// <summary>The hash of the TLS 1.3 key schedule the key is used with (RFC 9258 s5.2: that of the target KDF).</summary>
    public static PskHash Hash(this KeyUse use) => use == KeyUse.ImportedTls13Sha384 ? PskHash.Sha384 : PskHash.Sha256;

    /// <summary>target_protocol of an imported use (RFC 9258 s5.1), else 0.</summary>
    public static int TargetProtocol(this KeyUse use) => use switch
    {
        KeyUse.ImportedTls13Sha256 or KeyUse.ImportedTls13Sha384 => Rfc9258.Tls13,
        KeyUse.ImportedDtls13Sha256 => Rfc9258.Dtls13,
        _ => 0,
    };

    /// <summary>target_kdf of an imported use (RFC 9258 s10), else 0.</summary>
    public static int TargetKdf(this KeyUse use) => use switch
    {
        KeyUse.ImportedTls13Sha256 or KeyUse.ImportedDtls13Sha256 => Rfc9258.HkdfSha256,
        KeyUse.ImportedTls13Sha384 => Rfc9258.HkdfSha384,
        _ => 0,
    };
}
