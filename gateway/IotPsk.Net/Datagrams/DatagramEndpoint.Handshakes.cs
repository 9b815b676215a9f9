using System.Runtime.InteropServices;
using IotPsk.Net.Timers;
using IotPsk.Tls;

namespace IotPsk.Net.Datagrams;

/// <summary>From a verified hello to an association.</summary>
internal sealed partial class DatagramEndpoint
{
    // Record header, message header, version: RFC 6347 s4.1, s4.2.2, s4.2.1.
    private const int RandomOffset = 13 + 12 + 2;

    internal long HandshakeMilliseconds => (long)Math.Ceiling(_listener.Options.Limits.HandshakeTimeout.TotalMilliseconds);

    internal Span<byte> Plain => _shard.Plain;

    /// <summary>Asks the resolver; an exception counts as its failure.</summary>
    internal void Ask(PskRequest request)
    {
        try
        {
            request.Resolve(Resolver);
        }
        catch (Exception exception)
        {
            _shard.Fault(exception);
            request.FailInline();
        }
    }

    /// <summary>The client's Finished verified: from now on it has an association, and the one it replaces is gone.</summary>
    internal void Promote(HalfOpen halfOpen)
    {
        var session = halfOpen.Session;
        _halfOpen.Remove(session.Address);
        var dtls = halfOpen.Detach();
        Gate.Established(halfOpen.GateKey);
        if (Table.Find(session.Key) is not null)
        {
            // Two handshakes at once drew the same four bytes.
            dtls.Dispose();
            Gate.Left();
            return;
        }
        session.Opened(dtls, Loop.UtcNow);
        session.Hello = (ulong)halfOpen.Hello;
        Counters.HandshakesCompleted++;
        Counters.SessionsOpened++;
        TakeAddressOver(session);
        Enter(session);
        try
        {
            if (session.Tag is { } tag) Resolver.Verified(tag);
            Events.Connected(session);
            if (session.IsOpen) _application.Opened(session);
        }
        catch (Exception exception)
        {
            Fault(session, exception);
        }
        if (Gate.Connections - Gate.HalfOpen > _listener.Options.Limits.Associations && Table.Oldest is { } oldest && !ReferenceEquals(oldest, session))
        {
            // Only a device that has proved itself makes room this way, never a packet anybody can send.
            Counters.Evicted++;
            Close(oldest, CloseReason.Evicted, sayGoodbye: true);
        }
    }

    /// <summary>
    /// The identity is nobody's. The client is not told (RFC 4279 s2), so the handshake drags on like one with a wrong key; the owner
    /// is, now.
    /// </summary>
    internal void Rejected(HalfOpen halfOpen) => Report(halfOpen, HandshakeFailureReason.Rejected, null);

    /// <summary>The engine says that it is over.</summary>
    internal void HandshakeEnded(HalfOpen halfOpen) => Fail(halfOpen, ReasonOf(halfOpen, HandshakeFailureReason.Tls));

    internal void HandshakeTimedOut(HalfOpen halfOpen)
    {
        Counters.HandshakeTimeouts++;
        Fail(halfOpen, halfOpen.IsAwaitingPsk ? HandshakeFailureReason.ResolverTimeout : ReasonOf(halfOpen, HandshakeFailureReason.Timeout));
    }

    internal void HandshakeFault(HalfOpen halfOpen, Exception exception)
    {
        _shard.Fault(exception);
        if (halfOpen.Session.IsOpen) Close(halfOpen.Session, CloseReason.LocalFault, sayGoodbye: false);
        else Fail(halfOpen, HandshakeFailureReason.LocalFault);
    }

    private void Accept(ReadOnlySpan<byte> datagram, in PeerAddress source, HalfOpen? halfOpen)
    {
        var hello = MemoryMarshal.Read<UInt128>(datagram[RandomOffset..]);
        if (halfOpen is not null && halfOpen.Hello == hello)
        {
            halfOpen.Receive(datagram);
            return;
        }
        // A hello that was late, or that somebody sends once more, has its association already.
        if (halfOpen is null && Table.Find(source) is { } session && session.Hello == (ulong)hello)
        {
            Counters.HellosIgnored++;
            return;
        }
        if (halfOpen is not null) Fail(halfOpen, HandshakeFailureReason.Restarted);
        Begin(datagram, source, hello);
    }

    private void Begin(ReadOnlySpan<byte> datagram, in PeerAddress source, UInt128 hello)
    {
        var gateKey = Gate.KeyOf(source.Prefix, source.IsLoopback);
        if (Gate.Enter(gateKey) is { } refusal)
        {
            if (refusal == RefusalReason.TooManyHalfOpenOfPrefix) Counters.RefusedPrefix++;
            else Counters.RefusedHalfOpen++;
            Events.Refused(Name, source.ToEndPoint(), refusal);
            return;
        }
        Counters.Accepted++;
        var key = NewKey();
        Span<byte> connectionId = stackalloc byte[ConnectionIds.Length];
        ConnectionIds.Write(connectionId, _listener.Options.NodeId, ShardIndex, key);
        var session = new DatagramSession(this, key, source, Loop.UtcNow) { Id = IdOf(key) };
        var dtls = new PskDtlsServer(_listener.Options.Dtls, _listener.Options.Dtls.AllowConnectionId ? connectionId : default);
        dtls.Mtu = Outbox.Size;
        var halfOpen = new HalfOpen(this, session, dtls, gateKey, hello);
        _halfOpen.Add(source, halfOpen);
        Events.Accepted(Name, source.ToEndPoint());
        halfOpen.Receive(datagram);
    }

    private void Fail(HalfOpen halfOpen, HandshakeFailureReason reason)
    {
        var session = halfOpen.Session;
        if (!_halfOpen.Remove(session.Address)) return;
        var error = halfOpen.Error;
        halfOpen.Free();
        Gate.Established(halfOpen.GateKey);
        Gate.Left();
        Report(halfOpen, reason, error);
    }

    private void Report(HalfOpen halfOpen, HandshakeFailureReason reason, TlsError? error)
    {
        if (halfOpen.IsReported) return;
        halfOpen.IsReported = true;
        var session = halfOpen.Session;
        Counters.HandshakesFailed++;
        var detail = reason is HandshakeFailureReason.Rejected or HandshakeFailureReason.ResolverFailed ? halfOpen.Rejection : null;
        try
        {
            if (error is not null && (session.Tag is not null || halfOpen.Rejection is not null)) Resolver.Failed(session.Tag, error);
            Events.HandshakeFailed(new HandshakeFailure(Name, session.Remote, reason, error, detail, session.Tag));
        }
        catch (Exception exception)
        {
            _shard.Fault(exception);
        }
    }

    // A rejected identity is not told to the client (RFC 4279 s2): the handshake fails at its Finished, or by silence.
    private static HandshakeFailureReason ReasonOf(HalfOpen halfOpen, HandshakeFailureReason otherwise) =>
        halfOpen.ResolverFailed ? HandshakeFailureReason.ResolverFailed
        : halfOpen.Rejection is not null ? HandshakeFailureReason.Rejected
        : otherwise;

    /// <summary>RFC 6347 s4.2.8: who finished a handshake from an address has it; an association that has nothing else ends.</summary>
    private void TakeAddressOver(DatagramSession session)
    {
        if (Table.Find(session.Address) is not { } before) return;
        Table.RemoveAddress(before);
        if (!before.HasConnectionId || Equals(before.Tag, session.Tag)) Close(before, CloseReason.Replaced, sayGoodbye: false);
    }

    private uint NewKey()
    {
        while (true)
        {
            var key = ConnectionIds.NewKey();
            if (Table.Find(key) is null) return key;
        }
    }

    /// <summary>Forgets associations that were silent too long, the oldest first.</summary>
    private sealed class IdleTimer(DatagramEndpoint endpoint) : TimerNode
    {
        internal override void OnTimer() => endpoint.ExpireIdle();
    }
}
