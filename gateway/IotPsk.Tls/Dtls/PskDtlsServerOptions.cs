using IotPsk.Tls.Dtls;
using IotPsk.Tls.Tls12;

namespace IotPsk.Tls;

/// <summary>What a DTLS server accepts. Checked when set, never changed afterwards, shared by all its connections.</summary>
public sealed class PskDtlsServerOptions
{
    /// <summary>Accepted suites, the preferred one first. Default: all; those of ECDHE_PSK, which have forward secrecy, before those of plain PSK.</summary>
    /// <exception cref="ArgumentException">The list is empty, names a suite twice or one that is not supported in version 1.2.</exception>
    public IReadOnlyList<CipherSuite> CipherSuites
    {
        get;
        init => field = OptionRules.Tls12CipherSuites(value);
    }
    = Tls12Suite.All;

    /// <summary>Accepted groups of ECDHE_PSK, the preferred one first.</summary>
    /// <exception cref="ArgumentException">The list is empty, names a group twice or one that is not supported.</exception>
    public IReadOnlyList<NamedGroup> Groups
    {
        get;
        init => field = OptionRules.Groups(value);
    }
    = [NamedGroup.Secp256r1, NamedGroup.X25519];

    /// <summary>Accepts clients without extended_master_secret, whose sessions are not bound to the whole handshake (RFC 7627 s1). Default false.</summary>
    public bool AllowWithoutExtendedMasterSecret { get; init; }

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

    /// <summary>Application protocols, the preferred one first (RFC 7301). A client that offers only others is refused. Null: the extension is ignored.</summary>
    /// <exception cref="ArgumentException">A name is empty or longer than 255 bytes.</exception>
    public IReadOnlyList<ReadOnlyMemory<byte>>? ApplicationProtocols
    {
        get;
        init => field = OptionRules.ApplicationProtocols(value);
    }

    /// <summary>
    /// Gets the secrets of every connection as lines in the format of SSLKEYLOGFILE: whoever has them reads everything. For tracing alone;
    /// null, the default, is off. It is called within the handshake and must not throw.
    /// </summary>
    public Action<string>? KeyLog { get; init; }

    /// <summary>Answers clients that offer connection ids (RFC 9146). Default true.</summary>
    public bool AllowConnectionId { get; init; } = true;

    /// <summary>Pads records with a connection id to multiples of this many bytes (RFC 9146 s4), 0..16384; 0, the default, does not.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public int RecordPadding
    {
        get;
        init => field = OptionRules.RecordPadding(value);
    }

    /// <summary>The first wait for an answer, 10..60000 ms; it doubles with each repetition up to 60 seconds. Default 1000; RFC 7925 s11 wants 9000 for devices.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public int RetransmissionTimer
    {
        get;
        init => field = DtlsSettings.Timer(value);
    }
    = DtlsSettings.DefaultRetransmissionTimer;

    /// <summary>How often a flight is repeated before the handshake is given up, 0..60. Default 6.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public int MaxRetransmissions
    {
        get;
        init => field = DtlsSettings.Retransmissions(value);
    }
    = DtlsSettings.DefaultMaxRetransmissions;

    /// <summary>The most that a datagram carries at first, 256..65507 bytes of UDP payload. Default 1232.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public int Mtu
    {
        get;
        init => field = DtlsSettings.DatagramSize(value);
    }
    = DtlsSettings.DefaultMtu;

    /// <summary>Keeps what <see cref="PskDtlsConnection.ExportKeyingMaterial"/> needs, some 200 bytes for each association. Default false.</summary>
    public bool KeepsExporter { get; init; }

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

    internal DtlsSettings Settings => field ??= new DtlsSettings(RetransmissionTimer, MaxRetransmissions, Mtu, Math.Max(RecordPadding, 1), KeepsExporter);
}
