namespace IotPsk.Tls.Tls12.Server;

/// <summary>What the server has settled from a ClientHello of TLS 1.2.</summary>
internal struct ServerNegotiation
{
    public Tls12Suite Suite;

    /// <summary>None in plain PSK.</summary>
    public NamedGroup Group;

    /// <summary>The extensions that are answered.</summary>
    public bool ExtendedMasterSecret, RenegotiationInfo, PointFormats;

    /// <summary>The client's record_size_limit, or 0.</summary>
    public int RecordSizeLimit;

    /// <summary>The negotiated max_fragment_length, or 0.</summary>
    public int MaxFragmentLength;

    public ReadOnlyMemory<byte> ApplicationProtocol;

    /// <summary>The id that the client is told (RFC 9146 s3); null without the extension.</summary>
    public ReadOnlyMemory<byte>? ConnectionId;
}
