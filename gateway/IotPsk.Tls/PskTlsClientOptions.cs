using IotPsk.Tls.Tls12;

namespace IotPsk.Tls;

/// <summary>What a client offers. Checked when set, never changed afterwards, shared by all its connections.</summary>
public sealed class PskTlsClientOptions
{
    /// <summary>What identities and binders may take of a ClientHello; the rest of it is far below the 65535 bytes of its extensions.</summary>
    private const int MaxOfferLength = 60_000;

    /// <summary>Lengths, obfuscated_ticket_age and a binder of SHA-384.</summary>
    private const int OfferOverhead = 2 + 4 + 1 + 48;

    /// <summary>Offered versions: <see cref="TlsProtocol.Tls13"/>, <see cref="TlsProtocol.Tls12"/> or both. Default: TLS 1.3 alone.</summary>
    /// <exception cref="ArgumentException">The list is empty, names a version twice or another one.</exception>
    public IReadOnlyList<TlsProtocol> Versions
    {
        get;
        init => field = OptionRules.Versions(value);
    }
    = [TlsProtocol.Tls13];

    /// <summary>
    /// The PSK of TLS 1.2, an external one. A key of its own is better than one for both versions (RFC 9258 s7).
    /// Null: the first external one of <see cref="Credentials"/>.
    /// </summary>
    /// <exception cref="ArgumentException">The credential is not external.</exception>
    public PskTlsCredential? Tls12Credential
    {
        get;
        init => field = value is null or { Binder: PskBinder.External } ? value : throw new ArgumentException("TLS 1.2 takes external PSKs only", nameof(value));
    }

    /// <summary>
    /// A ticket from a session of TLS 1.2 (<see cref="PskTlsClient.TryTakeTicket"/>), offered beside the PSK, which serves if the server refuses it.
    /// Connections that use it must be over their handshake before it is disposed. Null, the default: none.
    /// </summary>
    /// <exception cref="ArgumentException">The ticket is one of TLS 1.3, which goes among the <see cref="Credentials"/>.</exception>
    public PskTlsTicket? Tls12Ticket
    {
        get;
        init => field = value is null or { Version: TlsProtocol.Tls12 } ? value : throw new ArgumentException("the ticket is not one of TLS 1.2", nameof(value));
    }

    /// <summary>Offered suites of TLS 1.2, the preferred one first. Default: all, those with forward secrecy first.</summary>
    /// <exception cref="ArgumentException">The list is empty, names a suite twice or one that is not supported in TLS 1.2.</exception>
    public IReadOnlyList<CipherSuite> Tls12CipherSuites
    {
        get;
        init => field = OptionRules.Tls12CipherSuites(value);
    }
    = Tls12Suite.All;

    /// <summary>Accepts servers of TLS 1.2 without extended_master_secret (RFC 7627 s5.3). Default false.</summary>
    public bool AllowWithoutExtendedMasterSecret { get; init; }

    /// <summary>
    /// Asks a server of TLS 1.2 for records of at most 512, 1024, 2048 or 4096 bytes (RFC 6066 s4), for servers that do not know record_size_limit;
    /// left out if TLS 1.3 is offered too. 0, the default, does not.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Another value.</exception>
    public int MaxFragmentLength
    {
        get;
        init => field = OptionRules.MaxFragmentLength(value);
    }

    /// <summary>The offered PSKs of TLS 1.3, the preferred one first.</summary>
    /// <exception cref="ArgumentException">The list is empty, or the identities are too long together.</exception>
    public required IReadOnlyList<PskTlsCredential> Credentials
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.Count == 0)
                throw new ArgumentException("the list is empty", nameof(value));
            if (value.Sum(credential => (long)credential.Identity.Length + OfferOverhead) > MaxOfferLength)
                throw new ArgumentException("the identities do not fit in a ClientHello", nameof(value));
            field = [.. value];
        }
    }

    /// <summary>Offered suites of TLS 1.3, the preferred one first. Default: AES-128-GCM, ChaCha20-Poly1305, AES-256-GCM.</summary>
    /// <exception cref="ArgumentException">The list is empty, names a suite twice or one that is not supported.</exception>
    public IReadOnlyList<CipherSuite> CipherSuites
    {
        get;
        init => field = OptionRules.CipherSuites(value);
    }
    = [CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_CHACHA20_POLY1305_SHA256, CipherSuite.TLS_AES_256_GCM_SHA384];

    /// <summary>Offered groups, the preferred one first. Default: secp256r1, x25519.</summary>
    /// <exception cref="ArgumentException">The list is empty, names a group twice or one that is not supported.</exception>
    public IReadOnlyList<NamedGroup> Groups
    {
        get;
        init => field = OptionRules.Groups(value);
    }
    = [NamedGroup.Secp256r1, NamedGroup.X25519];

    /// <summary>Groups whose shares are sent at once; those not in <see cref="Groups"/> are not. Null: the first group. Empty: none, the server asks for one.</summary>
    /// <exception cref="ArgumentException">The list names a group twice or one that is not supported.</exception>
    public IReadOnlyList<NamedGroup>? KeyShareGroups
    {
        get;
        init => field = value is null or { Count: 0 } ? value : OptionRules.Groups(value);
    }

    /// <summary>Offered key exchange modes. Default: psk_dhe_ke.</summary>
    /// <exception cref="ArgumentException">The list is empty, names a mode twice or one that is unknown.</exception>
    public IReadOnlyList<PskKeyExchangeMode> KeyExchangeModes
    {
        get;
        init => field = OptionRules.Modes(value);
    }
    = [PskKeyExchangeMode.PskDheKe];

    /// <summary>
    /// The record_size_limit told to the server: the most that one record may carry, content and content type, 64..16385 bytes
    /// (RFC 8449 s4); 0 leaves the extension out. Default 16385.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public int RecordSizeLimit
    {
        get;
        init => field = value == 0 ? 0 : OptionRules.RecordSizeLimit(value);
    }
    = Extensions.RecordSizeLimit.Max;

    /// <summary>The server's DNS name (RFC 6066 s3), ASCII; null sends none.</summary>
    /// <exception cref="ArgumentException">The name is empty, longer than 255 characters or not ASCII.</exception>
    public string? ServerName
    {
        get;
        init => field = OptionRules.ServerName(value);
    }

    /// <summary>Offered application protocols (RFC 7301); null sends none.</summary>
    /// <exception cref="ArgumentException">A name is empty or longer than 255 bytes.</exception>
    public IReadOnlyList<ReadOnlyMemory<byte>>? ApplicationProtocols
    {
        get;
        init => field = OptionRules.ApplicationProtocols(value);
    }

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

    /// <summary>The server takes no KeyUpdate (mbedTLS has none): when the keys are worn out, the connection ends with a close_notify instead.</summary>
    public bool CloseInsteadOfKeyUpdate { get; init; }

    /// <summary>How many of a server's tickets are kept for <see cref="PskTlsClient.TryTakeTicket"/>, the newest; 0..32. Default 4.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public int MaxTickets
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 32);
            field = value;
        }
    }
    = 4;

    /// <summary>
    /// Gets the secrets of every connection as lines in the format of SSLKEYLOGFILE: whoever has them reads everything. For tracing alone;
    /// null, the default, is off. It is called within the handshake and must not throw.
    /// </summary>
    public Action<string>? KeyLog { get; init; }

    /// <summary>Sends what middleboxes want to see: a session id and change_cipher_spec (RFC 8446 sD.4). Default true.</summary>
    public bool MiddleboxCompatibility { get; init; } = true;

    internal bool OffersEcdhePsk => Versions.Contains(TlsProtocol.Tls12) &&
        Tls12CipherSuites.Any(suite => Tls12Suite.TryGet(suite, out Tls12Suite? row) && row.Mode == PskKeyExchangeMode.PskDheKe);

    /// <summary>The like of <see cref="Tls12Ticket"/> in DTLS.</summary>
    internal PskTlsTicket? DatagramTicket { get; init; }

    internal PskTlsTicket? OfferedTicket => Tls12Ticket ?? DatagramTicket;

    /// <summary>Offers connection_id; over datagrams alone.</summary>
    internal bool OffersConnectionId { get; init; }

    internal bool OffersSessionTicket => MaxTickets > 0 || OfferedTicket is not null;

    internal bool OffersMaxFragmentLength => MaxFragmentLength != 0 && !Versions.Contains(TlsProtocol.Tls13);
}
