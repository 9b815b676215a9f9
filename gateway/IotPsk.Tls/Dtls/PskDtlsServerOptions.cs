namespace IotPsk.Tls;

/// <summary>What a DTLS server accepts. Checked when set, never changed afterwards, shared by all its connections.</summary>
public sealed class PskDtlsServerOptions : PskDtlsOptions
{
    /// <summary>Helps a client to select an identity (RFC 4279 s2), 0..1024 bytes, sent in clear to everybody. Empty, the default: no hint.</summary>
    /// <exception cref="ArgumentException">It is too long.</exception>
    public ReadOnlyMemory<byte> PskIdentityHint
    {
        get;
        init => field = OptionRules.PskIdentityHint(value);
    }

    /// <summary>The record_size_limit told to clients that name theirs, 64..16385 bytes (RFC 8449 s4). Default 16385, which leaves 2^14 bytes of content.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public int RecordSizeLimit
    {
        get;
        init => field = OptionRules.RecordSizeLimit(value);
    }
    = Extensions.RecordSizeLimit.Max;

    /// <summary>Makes and takes tickets (RFC 5077) of plain PSK. Null, the default: no session is resumed.</summary>
    public TicketOptions? Tickets { get; init; }

    /// <summary>Answers clients that offer connection ids (RFC 9146). Default true.</summary>
    public bool AllowConnectionId { get; init; } = true;

    /// <summary>The same as TLS 1.2 knows it.</summary>
    internal PskTlsServerOptions Tls12 => field ??= new PskTlsServerOptions
    {
        AllowTls13 = false,
        Tls12CipherSuites = CipherSuites,
        Groups = Groups,
        AllowWithoutExtendedMasterSecret = AllowWithoutExtendedMasterSecret,
        PskIdentityHint = PskIdentityHint,
        RecordSizeLimit = RecordSizeLimit,
        Tickets = Tickets,
        ApplicationProtocols = ApplicationProtocols,
        KeyLog = KeyLog,
    };
}
