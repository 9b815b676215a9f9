using System.Security.Cryptography;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Dtls;
using IotPsk.Tls.Dtls12;
using IotPsk.Tls.Server;

namespace IotPsk.Tls;

/// <summary>
/// The server of one DTLS 1.2 association with pre-shared keys. Make one for a datagram that a <see cref="HelloVerifier"/> accepts, and give it that
/// datagram. When <see cref="PskDtlsConnection.Receive"/> returns <see cref="PskTlsStatus.NeedsPsk"/>, the owner looks at the identity, answers once,
/// now or later, and calls <see cref="PskDtlsConnection.Continue"/>; the rest of the datagram may come before that.
/// </summary>
public sealed class PskDtlsServer : PskDtlsConnection
{
    private DtlsCachedSession? _cachedSession;

    /// <summary>Waits for a ClientHello.</summary>
    /// <param name="options">What it accepts.</param>
    /// <param name="connectionId">The id it wants to see in the client's records, 0..255 bytes, as long as that of every other server at the endpoint; empty: none.</param>
    /// <exception cref="ArgumentException">The id is too long, or the options allow none.</exception>
    public PskDtlsServer(PskDtlsServerOptions options, ReadOnlySpan<byte> connectionId)
        : this(options, connectionId, CryptoProvider.Default)
    {
    }

    internal PskDtlsServer(PskDtlsServerOptions options, ReadOnlySpan<byte> connectionId, CryptoProvider crypto)
        : base(NewHandshake(options, connectionId, crypto))
    {
    }

    private PskDtlsServer(PskDtlsServerOptions options, ReadOnlySpan<byte> saved, bool isServer)
        : base(options.Settings) => Restore(saved, isServer, options.Settings, CryptoProvider.Default);

    /// <summary>How many identities wait for an answer: 1, or 0 if none does.</summary>
    public int PendingIdentityCount => State?.Question?.IdentityCount ?? 0;

    /// <summary>
    /// The protocol of the handshake that waits for an answer, <see cref="TlsProtocol.Dtls12"/>: only external PSKs serve (RFC 9258 s5.1).
    /// <see cref="TlsProtocol.None"/> if none waits.
    /// </summary>
    public TlsProtocol PendingProtocol => State?.Question?.Protocol ?? TlsProtocol.None;

    /// <summary>The client's random, 32 bytes, while an answer is waited for; valid like an identity.</summary>
    /// <exception cref="InvalidOperationException">No PSK is asked for.</exception>
    public ReadOnlySpan<byte> ClientRandom => Pending.ClientRandom;

    /// <summary>The server's random, 32 bytes, while an answer is waited for; empty if the identity is a ticket.</summary>
    /// <exception cref="InvalidOperationException">No PSK is asked for.</exception>
    public ReadOnlySpan<byte> ServerRandom => Pending.ServerRandom;

    /// <summary>An identity, valid until the next call of any method but this one.</summary>
    /// <param name="index">0.</param>
    /// <exception cref="InvalidOperationException">No PSK is asked for.</exception>
    public ReadOnlySpan<byte> GetPendingIdentity(int index) => Pending.Identity(index);

    /// <summary>
    /// Whether a hello is the one that this handshake is about, repeated, or a piece of it: it belongs here. Another one with a good cookie is of a
    /// client that began anew, and wants a server of its own (RFC 6347 s4.2.8).
    /// </summary>
    /// <param name="datagram">For which <see cref="DtlsRecordHeader.IsClientHello"/> is true.</param>
    /// <returns>False also once nothing is left of the handshake.</returns>
    public bool IsRepeatedHello(ReadOnlySpan<byte> datagram)
    {
        if (!HasHello || !DtlsRecord.TryRead(datagram, 0, out DtlsRecord record) || !FragmentHeader.TryRead(record.Fragment, out FragmentHeader header))
            return false;
        return header.Offset != 0 || IsHelloRandom(RandomOf(record.Fragment.Slice(FragmentHeader.Size, header.Length)));
    }

    /// <summary>An association that was saved. Each copy may be loaded once: two would seal under the same numbers.</summary>
    /// <param name="options">As far as they still matter.</param>
    /// <param name="saved">What <see cref="PskDtlsConnection.Save"/> wrote.</param>
    /// <exception cref="FormatException">It is none of a server.</exception>
    public static PskDtlsServer Load(PskDtlsServerOptions options, ReadOnlySpan<byte> saved)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new PskDtlsServer(options, saved, isServer: true);
    }

    /// <summary>Answers with a key. A wrong one ends the handshake by time-out: the client's Finished does not open (RFC 6347 s4.1.2.7).</summary>
    /// <param name="psk">The key, 1..65535 bytes; copied, and zeroed by the engine.</param>
    /// <param name="terms">Whether a ticket follows, and what it carries.</param>
    /// <exception cref="InvalidOperationException">No PSK is asked for.</exception>
    public void ProvidePsk(ReadOnlySpan<byte> psk, in PskTerms terms = default)
    {
        if (psk.IsEmpty)
            throw new ArgumentException("a PSK is not empty", nameof(psk));
        Pending.Provide(0, psk, PskBinder.External, TlsHash.Sha256, terms, terms.Now);
    }

    /// <summary>
    /// Looks whether the identity is a ticket of this server that fits the handshake. A good ticket whose payload is acceptable is answered by
    /// <see cref="ProvideTicket"/>, another identity of the form of a ticket by <see cref="RejectPsk"/>: then a whole handshake follows.
    /// </summary>
    /// <param name="now">The time by the server's clock, in seconds since 1970.</param>
    /// <param name="ticket">The ticket if it is good, else null; dispose it.</param>
    /// <exception cref="InvalidOperationException">No PSK is asked for.</exception>
    public TicketStatus OpenTicket(long now, out SessionTicket? ticket)
    {
        try
        {
            return Pending.OpenTicket(0, now, HandshakeCrypto!, out ticket);
        }
        catch (CryptographicException)
        {
            // The library failed: without the ticket the handshake goes on.
            ticket = null;
            return TicketStatus.NotAuthentic;
        }
    }

    /// <summary>Answers with an opened ticket: the session is resumed.</summary>
    /// <param name="ticket">What <see cref="OpenTicket"/> gave; its key is copied.</param>
    /// <exception cref="InvalidOperationException">No PSK is asked for.</exception>
    public void ProvideTicket(SessionTicket ticket)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        Pending.Provide(0, ticket.Psk, PskBinder.Resumption, ticket.Hash, default, ticket.ChainStart);
    }

    /// <summary>
    /// The identity is not usable. A ticket is passed over, and a whole handshake follows; for another identity a random key stands in, and the
    /// handshake ends in silence, as with a wrong key (RFC 4279 s2).
    /// </summary>
    /// <exception cref="InvalidOperationException">No PSK is asked for.</exception>
    public void RejectPsk() => Pending.Reject();

    /// <summary>The lookup failed on this side: the handshake ends with internal_error.</summary>
    /// <exception cref="InvalidOperationException">No PSK is asked for.</exception>
    public void FailPsk() => Pending.Fail();

    private protected override void OnConnected(DtlsConnected connected, ReadOnlySpan<byte> masterSecret)
    {
        if (connected.Handshake is { Cache: { } cache, CachedSessionId: { Length: > 0 } id })
            _cachedSession = new DtlsCachedSession(cache, id);
    }

    /// <summary>RFC 5246 s7.2.2: the session of a failed connection is not resumed.</summary>
    private protected override void OnFailed() => _cachedSession?.Remove();

    private static DtlsHandshake NewHandshake(PskDtlsServerOptions options, ReadOnlySpan<byte> connectionId, CryptoProvider crypto)
    {
        ArgumentNullException.ThrowIfNull(options);
        RequireConnectionId(connectionId, options.AllowConnectionId);
        return new DtlsHandshake(crypto, options.Settings, connectionId, new Dtls12.Server.ExpectClientHello(options));
    }

    private IPskQuestion Pending => State?.Question ?? throw new InvalidOperationException("no PSK is asked for");
}
