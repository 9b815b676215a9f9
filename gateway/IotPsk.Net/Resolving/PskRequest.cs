using System.Net;
using IotPsk.Tls;

namespace IotPsk.Net;

/// <summary>
/// The identities one client offers, waiting for a key. The first answer counts, from any thread and at any time; an
/// answer for a connection that is gone is dropped and its key zeroed.
/// </summary>
public sealed class PskRequest
{
    /// <summary>Longest key, in bytes.</summary>
    public const int MaxPskLength = 256;

    private readonly IPskAsker _session;
    private int _answered;
    private volatile bool _abandoned;
    private bool _resolving;
    private bool _answeredInline;

    internal PskRequest(IPskAsker session, int count, TlsProtocol protocol)
    {
        _session = session;
        Count = count;
        Protocol = protocol;
    }

    /// <summary>The listener's name.</summary>
    public string Listener => _session.Info.Listener;

    /// <summary>The client.</summary>
    public IPEndPoint Remote => _session.Info.Remote;

    /// <summary>
    /// The protocol the key is for. In <see cref="TlsProtocol.Tls12"/> there is one identity, and an imported key counts as none (RFC 9258 s5.1).
    /// </summary>
    public TlsProtocol Protocol { get; }

    /// <summary>Identities offered, in the client's order; at most 4 are shown.</summary>
    public int Count { get; }

    /// <summary>False once the connection is gone; an answer is then no longer worth making.</summary>
    public bool IsAlive => !_abandoned;

    /// <summary>The answer was given within Resolve, on the loop's thread, and has reached the engine.</summary>
    internal bool IsApplied { get; private set; }

    private bool IsAnswered => Volatile.Read(ref _answered) != 0;

    /// <summary>An identity as it came over the wire. Readable only within <see cref="IPskResolver.Resolve"/>, before the answer.</summary>
    /// <exception cref="InvalidOperationException">Outside of Resolve, or after the answer.</exception>
    /// <exception cref="ArgumentOutOfRangeException">No such identity.</exception>
    public ReadOnlySpan<byte> Identity(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        RequireResolving();
        return _session.PendingIdentity(index);
    }

    /// <summary>The client's random, 32 bytes; readable like an identity.</summary>
    /// <exception cref="InvalidOperationException">Outside of Resolve, or after the answer.</exception>
    public ReadOnlySpan<byte> ClientRandom
    {
        get
        {
            RequireResolving();
            return _session.PendingClientRandom;
        }
    }

    /// <summary>The server's random, 32 bytes; empty in (D)TLS 1.3, where the key comes before it. Readable like an identity.</summary>
    /// <exception cref="InvalidOperationException">Outside of Resolve, or after the answer.</exception>
    public ReadOnlySpan<byte> ServerRandom
    {
        get
        {
            RequireResolving();
            return _session.PendingServerRandom;
        }
    }

    /// <summary>
    /// Whether the client offers a suite of this hash that the listener accepts: the identity of a key of another hash is to be skipped
    /// (RFC 8446 s4.2.11). Only within <see cref="IPskResolver.Resolve"/>, before the answer.
    /// </summary>
    /// <exception cref="InvalidOperationException">Outside of Resolve, or after the answer.</exception>
    public bool HasCipherSuite(TlsHash hash)
    {
        RequireResolving();
        return _session.HasPendingCipherSuite(hash);
    }

    /// <summary>
    /// Looks whether an identity is a ticket of this listener that fits the handshake; a good one whose payload is acceptable is answered by
    /// <see cref="ProvideTicket"/>, any other is skipped. Only within <see cref="IPskResolver.Resolve"/>, before the answer.
    /// </summary>
    /// <param name="index">Which identity.</param>
    /// <param name="now">The time, in seconds since 1970.</param>
    /// <param name="ticket">The ticket if it is good, else null; dispose it.</param>
    /// <exception cref="InvalidOperationException">Outside of Resolve, or after the answer.</exception>
    public TicketStatus OpenTicket(int index, long now, out SessionTicket? ticket)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        RequireResolving();
        return _session.OpenPendingTicket(index, now, out ticket);
    }

    private void RequireResolving()
    {
        if (!_resolving || IsAnswered || !_session.IsOnLoop)
            throw new InvalidOperationException("Identities and tickets are at hand only within Resolve and before the answer; copy what is needed later.");
    }

    /// <summary>Gives the key of one of the identities.</summary>
    /// <param name="index">Which identity.</param>
    /// <param name="psk">The key, 1..<see cref="MaxPskLength"/> bytes; copied, the caller zeroes its own.</param>
    /// <param name="binder">The kind of PSK.</param>
    /// <param name="hash">The hash the PSK belongs to.</param>
    /// <param name="tag">Comes back in Verified, Failed and <see cref="SessionInfo.Tag"/>.</param>
    /// <param name="terms">Whether tickets follow, and what they carry.</param>
    /// <exception cref="ArgumentException">The index or the key's length is out of range.</exception>
    public void Provide(int index, ReadOnlySpan<byte> psk, PskBinder binder, TlsHash hash, object tag, in PskTerms terms = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        ArgumentNullException.ThrowIfNull(tag);
        if (psk.IsEmpty || psk.Length > MaxPskLength)
            throw new ArgumentException($"A PSK has 1 to {MaxPskLength} bytes, not {psk.Length}.", nameof(psk));
        if (!TryAnswer()) return;
        if (TryInline())
        {
            _session.PskProvided(index, psk, binder, hash, terms, tag);
            IsApplied = true;
        }
        else _session.Post(PskAnswer.Provide(this, index, psk, binder, hash, terms, tag));
    }

    /// <summary>Resumes the session of a ticket. Only within <see cref="IPskResolver.Resolve"/>.</summary>
    /// <param name="index">Which identity the ticket is.</param>
    /// <param name="ticket">What <see cref="OpenTicket"/> gave for it; its key is copied.</param>
    /// <param name="tag">Comes back in Verified, Failed and <see cref="SessionInfo.Tag"/>.</param>
    /// <param name="terms">Whether tickets follow, and what they carry.</param>
    /// <exception cref="InvalidOperationException">Outside of Resolve, or after the answer.</exception>
    public void ProvideTicket(int index, SessionTicket ticket, object tag, in PskTerms terms)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        ArgumentNullException.ThrowIfNull(ticket);
        ArgumentNullException.ThrowIfNull(tag);
        RequireResolving();
        if (!TryAnswer() || !TryInline()) return;
        _session.TicketProvided(index, ticket, terms, tag);
        IsApplied = true;
    }

    /// <summary>None of the identities is usable: the client gets decrypt_error (RFC 8446 s6.2), in TLS 1.2 bad_record_mac as after a wrong key (RFC 4279 s2).</summary>
    /// <param name="reason">For the log.</param>
    public void Reject(string reason)
    {
        ArgumentNullException.ThrowIfNull(reason);
        if (!TryAnswer()) return;
        if (TryInline())
        {
            _session.PskRejected(reason);
            IsApplied = true;
        }
        else _session.Post(PskAnswer.Reject(this, reason));
    }

    /// <summary>The key could not be found out, by a fault of this side: the client gets internal_error.</summary>
    /// <param name="reason">For the log; null if there is nothing to say.</param>
    public void Fail(string? reason = null)
    {
        if (!TryAnswer()) return;
        if (TryInline())
        {
            _session.PskFailed(reason);
            IsApplied = true;
        }
        else _session.Post(PskAnswer.Fail(this, reason));
    }

    internal void Resolve(IPskResolver resolver)
    {
        _resolving = true;
        try
        {
            resolver.Resolve(this);
        }
        finally
        {
            _resolving = false;
        }
    }

    internal void Abandon() => _abandoned = true;

    /// <summary>Brings an answer of another thread to the session, on its loop.</summary>
    internal void Deliver(PskAnswer answer)
    {
        if (!_abandoned) _session.PskAnswered(answer);
    }

    /// <summary>Resolve threw: unless it had answered before, that is a failure.</summary>
    internal void FailInline()
    {
        if (IsApplied || !_answeredInline && !TryAnswer()) return;
        _session.PskFailed("the resolver threw");
        IsApplied = true;
    }

    // Of all threads only the loop's own asks for the flags it set itself.
    private bool TryInline()
    {
        if (!_session.IsOnLoop || !_resolving) return false;
        return _answeredInline = true;
    }

    private bool TryAnswer() => Interlocked.Exchange(ref _answered, 1) == 0 && !_abandoned;
}
