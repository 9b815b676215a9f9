using IotPsk.Tls.Dtls;
using IotPsk.Tls.Tls12;

namespace IotPsk.Tls;

/// <summary>What a DTLS client offers. Checked when set, never changed afterwards, shared by all its connections.</summary>
public sealed class PskDtlsClientOptions
{
    /// <summary>The PSK, an external one: nothing is imported for version 1.2 (RFC 9258 s5.1).</summary>
    /// <exception cref="ArgumentException">The credential is not external.</exception>
    public required PskTlsCredential Credential
    {
        get;
        init => field = value is { Binder: PskBinder.External } ? value : throw new ArgumentException("DTLS 1.2 takes external PSKs only", nameof(value));
    }

    /// <summary>
    /// A ticket from an earlier session (<see cref="PskDtlsClient.TryTakeTicket"/>), offered beside the PSK, which serves if the server refuses it.
    /// Connections that use it must be over their handshake before it is disposed. Null, the default: none.
    /// </summary>
    /// <exception cref="ArgumentException">The ticket is not one of DTLS 1.2.</exception>
    public PskTlsTicket? Ticket
    {
        get;
        init => field = value is null or { Version: TlsProtocol.Dtls12 } ? value : throw new ArgumentException("the ticket is not one of DTLS 1.2", nameof(value));
    }

    /// <summary>Keeps what lets the session be resumed for <see cref="PskDtlsClient.TryTakeTicket"/>. Default true.</summary>
    public bool KeepsTicket { get; init; } = true;

    /// <summary>Offered suites, the preferred one first. Default: all, those with forward secrecy first.</summary>
    /// <exception cref="ArgumentException">The list is empty, names a suite twice or one that is not supported in version 1.2.</exception>
    public IReadOnlyList<CipherSuite> CipherSuites
    {
        get;
        init => field = OptionRules.Tls12CipherSuites(value);
    }
    = Tls12Suite.All;

    /// <summary>Offered groups of ECDHE_PSK, the preferred one first.</summary>
    /// <exception cref="ArgumentException">The list is empty, names a group twice or one that is not supported.</exception>
    public IReadOnlyList<NamedGroup> Groups
    {
        get;
        init => field = OptionRules.Groups(value);
    }
    = [NamedGroup.Secp256r1, NamedGroup.X25519];

    /// <summary>Accepts servers without extended_master_secret (RFC 7627 s5.3). Default false.</summary>
    public bool AllowWithoutExtendedMasterSecret { get; init; }

    /// <summary>The record_size_limit told to the server, 64..16385 bytes (RFC 8449 s4); 0 leaves the extension out. Default 16385.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public int RecordSizeLimit
    {
        get;
        init => field = value == 0 ? 0 : OptionRules.RecordSizeLimit(value);
    }
    = Extensions.RecordSizeLimit.Max;

    /// <summary>Asks for records of at most 512, 1024, 2048 or 4096 bytes (RFC 6066 s4), for servers that do not know record_size_limit. 0, the default, does not.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Another value.</exception>
    public int MaxFragmentLength
    {
        get;
        init => field = OptionRules.MaxFragmentLength(value);
    }

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
    /// Gets the secrets of every connection as lines in the format of SSLKEYLOGFILE: whoever has them reads everything. For tracing alone;
    /// null, the default, is off. It is called within the handshake and must not throw.
    /// </summary>
    public Action<string>? KeyLog { get; init; }

    /// <summary>Offers connection ids (RFC 9146). Default true.</summary>
    public bool OfferConnectionId { get; init; } = true;

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

    /// <summary>Keeps what <see cref="PskDtlsConnection.ExportKeyingMaterial"/> needs. Default false.</summary>
    public bool KeepsExporter { get; init; }

    /// <summary>The same as TLS 1.2 knows it.</summary>
    internal PskTlsClientOptions Tls12 => field ??= new PskTlsClientOptions
    {
        Versions = [TlsProtocol.Tls12],
        Credentials = [Credential],
        Tls12Credential = Credential,
        DatagramTicket = Ticket,
        MaxTickets = KeepsTicket ? 1 : 0,
        Tls12CipherSuites = CipherSuites,
        Groups = Groups,
        AllowWithoutExtendedMasterSecret = AllowWithoutExtendedMasterSecret,
        RecordSizeLimit = RecordSizeLimit,
        MaxFragmentLength = MaxFragmentLength,
        ServerName = ServerName,
        ApplicationProtocols = ApplicationProtocols,
        KeyLog = KeyLog,
        OffersConnectionId = OfferConnectionId,
    };

    internal DtlsSettings Settings => field ??= new DtlsSettings(RetransmissionTimer, MaxRetransmissions, Mtu, Math.Max(RecordPadding, 1), KeepsExporter);
}
