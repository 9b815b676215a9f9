using IotPsk.Tls.Client;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Records;

namespace IotPsk.Tls;

/// <summary>The client of one TLS connection with pre-shared keys. The first <see cref="PskTlsConnection.Handshake"/>, with an empty source, writes the ClientHello.</summary>
public sealed class PskTlsClient : PskTlsConnection
{
    /// <summary>A client that has sent nothing yet.</summary>
    /// <exception cref="ArgumentException">No offered suite has the hash of an offered PSK.</exception>
    public PskTlsClient(PskTlsClientOptions options)
        : this(options, CryptoProvider.Default)
    {
    }

    internal PskTlsClient(PskTlsClientOptions options, CryptoProvider crypto)
        : base(new RecordLayer(crypto), new Start(new ClientOffer(options ?? throw new ArgumentNullException(nameof(options)), crypto)))
    {
    }
}
