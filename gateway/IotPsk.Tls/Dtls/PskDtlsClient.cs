using System.Diagnostics.CodeAnalysis;
using IotPsk.Tls.Client;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Dtls;
using IotPsk.Tls.Dtls12;

namespace IotPsk.Tls;

/// <summary>The client of one DTLS 1.2 association with pre-shared keys. The first <see cref="PskDtlsConnection.Continue"/> makes the ClientHello.</summary>
public sealed class PskDtlsClient : PskDtlsConnection
{
    private PskTlsTicket? _ticket;

    /// <summary>A client that has sent nothing yet.</summary>
    /// <param name="options">What it offers.</param>
    /// <param name="connectionId">The id it wants to see in the server's records, 0..255 bytes; empty: none, though the server may want one of its own.</param>
    /// <exception cref="ArgumentException">The id is too long, or the options offer none.</exception>
    public PskDtlsClient(PskDtlsClientOptions options, ReadOnlySpan<byte> connectionId)
        : this(options, connectionId, CryptoProvider.Default)
    {
    }

    internal PskDtlsClient(PskDtlsClientOptions options, ReadOnlySpan<byte> connectionId, CryptoProvider crypto)
        : base(NewHandshake(options, connectionId, crypto))
    {
    }

    private PskDtlsClient(PskDtlsClientOptions options, ReadOnlySpan<byte> saved, bool isServer)
        : base(options.Settings) => Restore(saved, isServer, options.Settings, CryptoProvider.Default);

    /// <summary>An association that was saved. Each copy may be loaded once: two would seal under the same numbers.</summary>
    /// <param name="options">As far as they still matter.</param>
    /// <param name="saved">What <see cref="PskDtlsConnection.Save"/> wrote.</param>
    /// <exception cref="FormatException">It is none of a client.</exception>
    public static PskDtlsClient Load(PskDtlsClientOptions options, ReadOnlySpan<byte> saved)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new PskDtlsClient(options, saved, isServer: false);
    }

    /// <summary>Takes what lets the session be resumed, once the handshake is done.</summary>
    /// <param name="ticket">Belongs to the caller; offer it as <see cref="PskDtlsClientOptions.Ticket"/>.</param>
    /// <returns>False if there is none.</returns>
    public bool TryTakeTicket([NotNullWhen(true)] out PskTlsTicket? ticket)
    {
        ticket = _ticket;
        _ticket = null;
        return ticket is not null;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _ticket?.Dispose();
        base.Dispose(disposing);
    }

    private protected override void OnConnected(DtlsConnected connected, ReadOnlySpan<byte> masterSecret) =>
        _ticket = Tls12.Client.ClientConnected.MakeTicket(connected.Handshake, masterSecret);

    /// <summary>RFC 5246 s7.2.2: the session of a failed connection is not resumed.</summary>
    private protected override void OnFailed()
    {
        _ticket?.Dispose();
        _ticket = null;
    }

    private static DtlsHandshake NewHandshake(PskDtlsClientOptions options, ReadOnlySpan<byte> connectionId, CryptoProvider crypto)
    {
        ArgumentNullException.ThrowIfNull(options);
        RequireConnectionId(connectionId, options.OfferConnectionId);
        var offer = new ClientOffer(options.Tls12, crypto) { Datagram = new DatagramOffer { ConnectionId = connectionId.ToArray() } };
        return new DtlsHandshake(crypto, options.Settings, connectionId, new Dtls12.Client.Start(offer));
    }
}
