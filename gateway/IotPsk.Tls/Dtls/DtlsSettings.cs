namespace IotPsk.Tls.Dtls;

/// <summary>What the options of both roles say about datagrams.</summary>
/// <param name="RetransmissionTimer">The first wait for an answer, in milliseconds.</param>
/// <param name="MaxRetransmissions">How often a flight is repeated.</param>
/// <param name="Mtu">The payload of a datagram, in bytes.</param>
/// <param name="RecordPadding">The block to which records with a connection id are padded; 1 is no padding.</param>
/// <param name="KeepsExporter">The association keeps what exporters need.</param>
internal sealed record DtlsSettings(int RetransmissionTimer, int MaxRetransmissions, int Mtu, int RecordPadding, bool KeepsExporter)
{
    public const int DefaultRetransmissionTimer = 1000;
    public const int DefaultMaxRetransmissions = 6;

    /// <summary>IPv6 everywhere: 1280 less the headers of IPv6 and UDP.</summary>
    public const int DefaultMtu = 1232;
    public const int MinMtu = 256;

    /// <summary>What a datagram has room for beside a connection id, at least: header, nonce, tag and a piece of a message.</summary>
    public const int RoomBesideId = 128;

    public const int MaxMtu = 65507;

    public static int Timer(int value)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, 10);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 60_000);
        return value;
    }

    public static int Retransmissions(int value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 60);
        return value;
    }

    public static int DatagramSize(int value)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, MinMtu);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, MaxMtu);
        return value;
    }
}
