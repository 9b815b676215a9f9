using System.Security.Cryptography;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Records;
using IotPsk.Tls.Server;

namespace IotPsk.Tls;

/// <summary>
/// The server of one TLS connection with pre-shared keys. When <see cref="PskTlsConnection.Handshake"/> returns
/// <see cref="PskTlsStatus.NeedsPsk"/>, the owner looks at the identities, answers once, now or later, and calls it again.
/// </summary>
public sealed class PskTlsServer : PskTlsConnection
{
    /// <summary>Waits for a ClientHello.</summary>
    public PskTlsServer(PskTlsServerOptions options)
        : this(options, CryptoProvider.Default)
    {
    }

    internal PskTlsServer(PskTlsServerOptions options, CryptoProvider crypto)
        : base(NewRecords(options, crypto), new ExpectClientHello(options))
    {
    }

    /// <summary>How many identities wait for an answer: at most the first 4 of the client's; 0 if none does.</summary>
    public int PendingIdentityCount => State is IPskQuestion state ? state.IdentityCount : 0;

    /// <summary>
    /// The protocol of the handshake that waits for an answer: in <see cref="TlsProtocol.Tls12"/> only external PSKs serve (RFC 9258 s5.1), and the
    /// same key should not serve in both (RFC 9258 s7). <see cref="TlsProtocol.None"/> if none waits.
    /// </summary>
    public TlsProtocol PendingProtocol => State is IPskQuestion state ? state.Protocol : TlsProtocol.None;

    /// <summary>The client's random, 32 bytes, while an answer is waited for; valid like an identity.</summary>
    /// <exception cref="InvalidOperationException">No PSK is asked for.</exception>
    public ReadOnlySpan<byte> ClientRandom => Pending.ClientRandom;

    /// <summary>The server's random, 32 bytes, while an answer is waited for; empty in TLS 1.3, where the key comes before it.</summary>
    /// <exception cref="InvalidOperationException">No PSK is asked for.</exception>
    public ReadOnlySpan<byte> ServerRandom => Pending.ServerRandom;

    /// <summary>True once the client has proved to know the key it named: by its binder (RFC 8446 s4.2.11.2), in TLS 1.2 by its Finished.</summary>
    public bool IsPskVerified => State is ExpectSecondClientHello or ExpectFinished or Connected;

    /// <summary>An identity, valid until the next call of any method but this one.</summary>
    /// <param name="index">0 to <see cref="PendingIdentityCount"/> - 1, in the client's order.</param>
    /// <exception cref="InvalidOperationException">No PSK is asked for.</exception>
    public ReadOnlySpan<byte> GetPendingIdentity(int index) => Pending.Identity(index);

    /// <summary>
    /// Whether the client offers a suite of this hash that the server accepts: a key of another hash cannot be used, and its identity
    /// is to be skipped (RFC 8446 s4.2.11). In TLS 1.2 keys have no hash, and every one can be used.
    /// </summary>
    /// <exception cref="InvalidOperationException">No PSK is asked for.</exception>
    public bool HasCipherSuite(TlsHash hash) => Pending.HasCipherSuite(hash, Records.Crypto);

    /// <summary>Answers with a key. Only its binder is checked; a wrong one ends the connection.</summary>
    /// <param name="index">Which identity the key belongs to.</param>
    /// <param name="psk">The key, 1 byte or more; copied, and zeroed by the engine.</param>
    /// <param name="binder">The kind of the key; in TLS 1.2 another than an external one counts as rejected (RFC 9258 s5.1).</param>
    /// <param name="hash">The hash of the key; only suites of this hash are selected.</param>
    /// <exception cref="InvalidOperationException">No PSK is asked for.</exception>
    public void ProvidePsk(int index, ReadOnlySpan<byte> psk, PskBinder binder, TlsHash hash) => ProvidePsk(index, psk, binder, hash, default);

    /// <summary>Answers with a key. Only its binder is checked; a wrong one ends the connection.</summary>
    /// <param name="index">Which identity the key belongs to.</param>
    /// <param name="psk">The key, 1 byte or more; copied, and zeroed by the engine.</param>
    /// <param name="binder">The kind of the key; in TLS 1.2 another than an external one counts as rejected (RFC 9258 s5.1).</param>
    /// <param name="hash">The hash of the key; only suites of this hash are selected.</param>
    /// <param name="terms">Whether tickets follow, and what they carry.</param>
    /// <exception cref="InvalidOperationException">No PSK is asked for.</exception>
    public void ProvidePsk(int index, ReadOnlySpan<byte> psk, PskBinder binder, TlsHash hash, in PskTerms terms)
    {
        if (psk.IsEmpty)
            throw new ArgumentException("a PSK is not empty", nameof(psk));
        if (!Enum.IsDefined(binder))
            throw new ArgumentOutOfRangeException(nameof(binder), binder, "no such binder");
        if (!Enum.IsDefined(hash))
            throw new ArgumentOutOfRangeException(nameof(hash), hash, "no such hash");
        Pending.Provide(index, psk, binder, hash, terms, terms.Now);
    }

    /// <summary>
    /// Looks whether an identity is a ticket of this server that fits the handshake. Go through the identities in order: a good ticket whose payload
    /// is acceptable is answered by <see cref="ProvideTicket"/>, an identity from outside by ProvidePsk, anything else is skipped.
    /// </summary>
    /// <param name="index">0 to <see cref="PendingIdentityCount"/> - 1.</param>
    /// <param name="now">The time by the server's clock, in seconds since 1970.</param>
    /// <param name="ticket">The ticket if it is good, else null; dispose it.</param>
    /// <exception cref="InvalidOperationException">No PSK is asked for.</exception>
    public TicketStatus OpenTicket(int index, long now, out SessionTicket? ticket)
    {
        try
        {
            return Pending.OpenTicket(index, now, Records.Crypto, out ticket);
        }
        catch (CryptographicException)
        {
            // The library failed: without the ticket the handshake goes on, or fails, by the next identity.
            ticket = null;
            return TicketStatus.NotAuthentic;
        }
    }

    /// <summary>Answers with an opened ticket: the session is resumed. Only its binder is checked; a wrong one ends the connection.</summary>
    /// <param name="index">Which identity the ticket is.</param>
    /// <param name="ticket">What <see cref="OpenTicket"/> gave for it; its key is copied.</param>
    /// <param name="terms">Whether tickets follow, and what they carry.</param>
    /// <exception cref="InvalidOperationException">No PSK is asked for.</exception>
    public void ProvideTicket(int index, SessionTicket ticket, in PskTerms terms)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        Pending.Provide(index, ticket.Psk, PskBinder.Resumption, ticket.Hash, terms, ticket.ChainStart);
    }

    /// <summary>
    /// None of the identities is usable: the connection ends as after a wrong binder (RFC 8446 s6.2, decrypt_error), in TLS 1.2 as after a wrong key
    /// (RFC 4279 s2, bad_record_mac).
    /// </summary>
    /// <exception cref="InvalidOperationException">No PSK is asked for.</exception>
    public void RejectPsk() => Pending.Reject();

    /// <summary>The lookup failed on this side: the connection ends with internal_error.</summary>
    /// <exception cref="InvalidOperationException">No PSK is asked for.</exception>
    public void FailPsk() => Pending.Fail();

    private static RecordLayer NewRecords(PskTlsServerOptions options, CryptoProvider crypto)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!options.AllowTls13 && !options.AllowTls12)
            throw new ArgumentException("no version is allowed", nameof(options));
        return new RecordLayer(crypto) { PaddingBlock = Math.Max(options.RecordPadding, 1) };
    }

    private IPskQuestion Pending => State as IPskQuestion ?? throw new InvalidOperationException("no PSK is asked for");
}
