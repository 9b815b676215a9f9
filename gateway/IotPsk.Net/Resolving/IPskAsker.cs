using IotPsk.Net.Reactor;
using IotPsk.Tls;

namespace IotPsk.Net;

/// <summary>A handshake that waits for a key. All members but <see cref="Post"/> and <see cref="IsOnLoop"/> belong to its loop's thread.</summary>
internal interface IPskAsker
{
    SessionInfo Info { get; }

    bool IsOnLoop { get; }

    void Post(LoopWork work);

    ReadOnlySpan<byte> PendingIdentity(int index);

    ReadOnlySpan<byte> PendingClientRandom { get; }

    ReadOnlySpan<byte> PendingServerRandom { get; }

    bool HasPendingCipherSuite(TlsHash hash);

    TicketStatus OpenPendingTicket(int index, long now, out SessionTicket? ticket);

    void PskProvided(int index, ReadOnlySpan<byte> psk, PskBinder binder, TlsHash hash, in PskTerms terms, object tag);

    void TicketProvided(int index, SessionTicket ticket, in PskTerms terms, object tag);

    void PskRejected(string reason);

    void PskFailed(string? reason);

    /// <summary>An answer came from another thread.</summary>
    void PskAnswered(PskAnswer answer);
}
