using IotPsk.Tls.Tls12;

namespace IotPsk.Tls;

/// <summary>What a server accepts. Checked when set, never changed afterwards, shared by all its connections.</summary>
public sealed class PskTlsServerOptions
{
    /// <summary>Speaks TLS 1.3. Default true.</summary>
    public bool AllowTls13 { get; init; } = true;

    /// <summary>Speaks TLS 1.2 with clients that do not offer TLS 1.3: PSK and ECDHE_PSK, AEAD suites only. Default true.</summary>
    public bool AllowTls12 { get; init; } = true;

    /// <summary>
    /// Accepted suites of TLS 1.2, the preferred one first. Default: all; those of ECDHE_PSK, which have forward secrecy, before those of plain PSK;
    /// leave the latter out to insist on it.
    /// </summary>
    /// <exception cref="ArgumentException">The list is empty, names a suite twice or one that is not supported in TLS 1.2.</exception>
    public IReadOnlyList<CipherSuite> Tls12CipherSuites
    {
        get;
        init => field = OptionRules.Tls12CipherSuites(value);
    }
    = Tls12Suite.All;

    /// <summary>
    /// Accepts clients of TLS 1.2 without extended_master_secret, whose sessions are not bound to the whole handshake (RFC 7627 s1). Default false.
    /// </summary>
    public bool AllowWithoutExtendedMasterSecret { get; init; }

    /// <summary>Helps a client of TLS 1.2 to select an identity (RFC 4279 s2), 0..1024 bytes, sent in clear to everybody. Empty, the default: no hint.</summary>
    /// <exception cref="ArgumentException">It is too long.</exception>
    public ReadOnlyMemory<byte> PskIdentityHint
    {
        get;
        init => field = OptionRules.PskIdentityHint(value);
    }

    /// <summary>Accepted suites of TLS 1.3, the preferred one first; the PSK's hash narrows them. Default: all, AES-128-CCM_8 last.</summary>
    /// <exception cref="ArgumentException">The list is empty, names a suite twice or one that is not supported.</exception>
    public IReadOnlyList<CipherSuite> CipherSuites
    {
        get;
        init => field = OptionRules.CipherSuites(value);
    }
    = [
        CipherSuite.TLS_AES_128_GCM_SHA256,
        CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
        CipherSuite.TLS_AES_256_GCM_SHA384,
        CipherSuite.TLS_AES_128_CCM_SHA256,
        CipherSuite.TLS_AES_128_CCM_8_SHA256,
    ];

    /// <summary>Accepted groups, the preferred one first; a group whose share came goes before one that costs a HelloRetryRequest.</summary>
    /// <exception cref="ArgumentException">The list is empty, names a group twice or one that is not supported.</exception>
    public IReadOnlyList<NamedGroup> Groups
    {
        get;
        init => field = OptionRules.Groups(value);
    }
    = [NamedGroup.Secp256r1, NamedGroup.X25519];

    /// <summary>Accepts psk_ke from clients with which psk_dhe_ke is not possible. It has no forward secrecy; default false.</summary>
    public bool AllowPskKe { get; init; }

    /// <summary>
    /// The record_size_limit told to clients that name theirs: the most that one record may carry, content and content type,
    /// 64..16385 bytes (RFC 8449 s4). Default 16385, which leaves 2^14 bytes of content.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public int RecordSizeLimit
    {
        get;
        init => field = OptionRules.RecordSizeLimit(value);
    }
    = Extensions.RecordSizeLimit.Max;

    /// <summary>
    /// Pads what records carry to multiples of this many bytes, as far as the peer's record_size_limit lets it, so that lengths say less
    /// (RFC 8446 s5.4); 0..16384, 0, the default, does not.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public int RecordPadding
    {
        get;
        init => field = OptionRules.RecordPadding(value);
    }

    /// <summary>Makes and takes tickets. Null, the default: none are sent, and every identity is one from outside.</summary>
    public TicketOptions? Tickets { get; init; }

    /// <summary>
    /// Gets the secrets of every connection as lines in the format of SSLKEYLOGFILE: whoever has them reads everything. For tracing alone;
    /// null, the default, is off. It is called within the handshake and must not throw.
    /// </summary>
    public Action<string>? KeyLog { get; init; }

    /// <summary>
    /// Application protocols, the preferred one first (RFC 7301). A client that offers only others is refused, as long as
    /// <see cref="RequireApplicationProtocol"/> says so; one that offers none is not. Null: the extension is ignored.
    /// </summary>
    /// <exception cref="ArgumentException">A name is empty or longer than 255 bytes.</exception>
    public IReadOnlyList<ReadOnlyMemory<byte>>? ApplicationProtocols
    {
        get;
        init => field = OptionRules.ApplicationProtocols(value);
    }

    /// <summary>
    /// Refuses a client that offers application protocols, and none of ours (RFC 7301 s3.2). False: to such a client this is a server that does
    /// not know the extension, and the session goes on without a protocol. Default true.
    /// </summary>
    public bool RequireApplicationProtocol { get; init; } = true;
}
