using System.Diagnostics.CodeAnalysis;
using IotPsk.Tls.Client;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tickets;

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
        : base(NewRecords(options, crypto), new Start(new ClientOffer(options, crypto)))
    {
    }

    /// <summary>
    /// Takes the oldest ticket that came and was not taken yet; look after each <see cref="PskTlsConnection.Read"/> or at the end.
    /// Tickets of a connection that failed are gone (RFC 8446 s6.2).
    /// </summary>
    /// <param name="ticket">Belongs to the caller.</param>
    /// <returns>False if there is none.</returns>
    public bool TryTakeTicket([NotNullWhen(true)] out PskTlsTicket? ticket)
    {
        ticket = (State as ITicketHolder)?.TakeTicket();
        return ticket is not null;
    }

    private static RecordLayer NewRecords(PskTlsClientOptions options, CryptoProvider crypto)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new RecordLayer(crypto) { PaddingBlock = Math.Max(options.RecordPadding, 1), CloseInsteadOfKeyUpdate = options.CloseInsteadOfKeyUpdate };
    }
}
