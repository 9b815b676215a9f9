using IotPsk.Tls.Crypto;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Tls12;

namespace IotPsk.Tls;

/// <summary>A ticket that a client got. The key lies in native memory and is zeroed by <see cref="Dispose"/>.</summary>
public sealed class PskTlsTicket : IDisposable
{
    private const int MaxSessionSeconds = 86_400;

    private readonly byte[] _ticket;
    private readonly SecretBuffer _psk;
    private readonly uint _ageAdd;

    internal PskTlsTicket(in NewSessionTicket message, ReadOnlySpan<byte> psk, CipherSuiteParameters suite, PskKeyExchangeMode mode)
    {
        _ticket = message.Ticket.ToArray();
        _psk = new SecretBuffer(psk);
        _ageAdd = message.AgeAdd;
        CipherSuite = suite.Suite;
        Hash = suite.Hash;
        KeyExchangeMode = mode;

        // RFC 8446 s4.6.1: not kept for longer than 7 days, whatever the server says.
        LifetimeSeconds = (int)Math.Min(message.LifetimeSeconds, TicketOptions.MaxLifetimeSeconds);
    }

    /// <summary>What resumes a session of TLS 1.2.</summary>
    internal PskTlsTicket(byte[] ticket, bool isSessionId, ReadOnlySpan<byte> masterSecret, Tls12Suite suite, uint lifetimeHint, TlsProtocol version = TlsProtocol.Tls12)
    {
        _ticket = ticket;
        _psk = new SecretBuffer(masterSecret);
        Version = version;
        IsSessionId = isSessionId;
        CipherSuite = suite.Suite;
        Hash = Tls12Suite.Hash;
        KeyExchangeMode = suite.Mode;

        // RFC 5077 s3.3: 0 says nothing; RFC 5246 sF.1.4 suggests a day at most.
        LifetimeSeconds = (int)Math.Min(lifetimeHint == 0 ? MaxSessionSeconds : lifetimeHint, TicketOptions.MaxLifetimeSeconds);
    }

    /// <summary>The version of the session it came in.</summary>
    public TlsProtocol Version { get; } = TlsProtocol.Tls13;

    /// <summary>The ticket itself, the identity of the next hello; it is not secret.</summary>
    public ReadOnlySpan<byte> Ticket => _ticket;

    /// <summary>How long it may be used after it came, 1..604800 seconds.</summary>
    public int LifetimeSeconds { get; }

    /// <summary>The suite of the session it came in; only one of the same hash can resume.</summary>
    public CipherSuite CipherSuite { get; }

    /// <summary>The hash of the key.</summary>
    public TlsHash Hash { get; }

    /// <summary>The key exchange mode of the session it came in.</summary>
    public PskKeyExchangeMode KeyExchangeMode { get; }

    /// <summary>The session is known to the server by an id.</summary>
    internal bool IsSessionId { get; }

    internal ReadOnlySpan<byte> Psk => _psk.Span;

    /// <summary>
    /// A credential for <see cref="PskTlsClientOptions.Credentials"/>, before the external one that is to follow if the server refuses the ticket.
    /// Use each ticket once (RFC 8446 sC.4): whoever sees it twice knows that both connections are of one client.
    /// </summary>
    /// <param name="ageMilliseconds">How long ago the ticket came; 0 if the client has no clock, for servers that do not look at it.</param>
    /// <exception cref="InvalidOperationException">The ticket is one of TLS 1.2: offer it as <see cref="PskTlsClientOptions.Tls12Ticket"/>.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The ticket is older than its lifetime, or not born yet.</exception>
    public PskTlsCredential ToCredential(long ageMilliseconds)
    {
        if (Version != TlsProtocol.Tls13)
            throw new InvalidOperationException("a ticket of TLS 1.2 is no credential of TLS 1.3");
        ArgumentOutOfRangeException.ThrowIfNegative(ageMilliseconds);

        // RFC 8446 s4.2.11.1: a client does not use a ticket beyond its lifetime; the age is hidden by adding modulo 2^32.
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ageMilliseconds, LifetimeSeconds * 1000L);
        return new PskTlsCredential(_ticket, _psk.Span, PskBinder.Resumption, Hash, unchecked((uint)ageMilliseconds + _ageAdd));
    }

    /// <summary>Zeroes the key; credentials made from the ticket have a copy of their own.</summary>
    public void Dispose() => _psk.Dispose();
}
