using IotPsk.Tls.Dtls;
using IotPsk.Tls.Tls12;

namespace IotPsk.Tls;

/// <summary>What both ends of DTLS can be told. Checked when set, never changed afterwards, shared by all connections.</summary>
public abstract class PskDtlsOptions
{
    private protected PskDtlsOptions()
    {
    }

    /// <summary>Offered or accepted suites, the preferred one first. Default: all; those of ECDHE_PSK, which have forward secrecy, before those of plain PSK.</summary>
    /// <exception cref="ArgumentException">The list is empty, names a suite twice or one that is not supported in version 1.2.</exception>
    public IReadOnlyList<CipherSuite> CipherSuites
    {
        get;
        init => field = OptionRules.Tls12CipherSuites(value);
    }
    = Tls12Suite.All;

    /// <summary>Offered or accepted groups of ECDHE_PSK, the preferred one first.</summary>
    /// <exception cref="ArgumentException">The list is empty, names a group twice or one that is not supported.</exception>
    public IReadOnlyList<NamedGroup> Groups
    {
        get;
        init => field = OptionRules.Groups(value);
    }
    = [NamedGroup.Secp256r1, NamedGroup.X25519];

    /// <summary>Accepts peers without extended_master_secret, whose sessions are not bound to the whole handshake (RFC 7627 s1, s5.3). Default false.</summary>
    public bool AllowWithoutExtendedMasterSecret { get; init; }

    /// <summary>
    /// Application protocols, the preferred one first (RFC 7301): a client offers them, a server refuses a client that offers only others. Null:
    /// no such extension is sent or heeded.
    /// </summary>
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

    internal DtlsSettings Settings => field ??= new DtlsSettings(RetransmissionTimer, MaxRetransmissions, Mtu, Math.Max(RecordPadding, 1), KeepsExporter);
}
