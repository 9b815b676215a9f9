namespace IotPsk.Tls.Client;

/// <summary>What a ClientHello of DTLS 1.2 has beside that of TLS 1.2.</summary>
internal sealed class DatagramOffer
{
    /// <summary>What a HelloVerifyRequest brought (RFC 6347 s4.2.1); empty at first.</summary>
    public byte[] Cookie { get; set; } = [];

    /// <summary>The number of the message that the hello is in.</summary>
    public ushort HelloSequence { get; set; }

    /// <summary>The id that the server is to use (RFC 9146 s3), if <see cref="PskTlsClientOptions.OffersConnectionId"/>.</summary>
    public byte[] ConnectionId { get; init; } = [];
}
