using IotPsk.Tls;

namespace IotPsk.Net.Datagrams;

/// <summary>The associations of this shard: in, out, by number, by age.</summary>
internal sealed partial class DatagramEndpoint
{
    // Above every slot and generation of a connection over TCP.
    private const long DatagramBit = 1L << 55;
    private const int SerialBits = 23;

    private readonly IdleTimer _idle;
    private long _serial;

    /// <summary>The association with this id; null if it is gone.</summary>
    internal DatagramSession? Find(long id) => Table.Find((uint)id) is { } session && session.Id == id ? session : null;

    /// <summary>All associations, the oldest first. A copy: whoever goes through it may end any of them.</summary>
    internal List<DatagramSession> Sessions(Func<SessionInfo, bool>? predicate = null)
    {
        var list = new List<DatagramSession>(predicate is null ? Table.Count : 0);
        for (var session = Table.Oldest; session is not null; session = session.Younger)
            if (predicate is null || predicate(session)) list.Add(session);
        return list;
    }

    /// <summary>Ends every association and handshake whose device is known and for which <paramref name="predicate"/> holds.</summary>
    internal int Close(Func<SessionInfo, bool> predicate, CloseReason reason)
    {
        var sessions = Sessions(session => session.Tag is not null && predicate(session));
        var halfOpen = _halfOpen.Values.Where(each => each.Session.Tag is not null && predicate(each.Session)).ToList();
        foreach (var each in halfOpen) Fail(each, HandshakeFailureReason.ClosedByOwner);
        foreach (var session in sessions) Close(session, reason, sayGoodbye: true);
        return sessions.Count + halfOpen.Count;
    }

    /// <summary>Ends an association. What the goodbye causes is sent within this turn.</summary>
    internal void Close(DatagramSession session, CloseReason reason, bool sayGoodbye)
    {
        if (session.Dtls is not { } dtls) return;
        var error = dtls.Error;
        // RFC 6347 s4.1.2.7 leaves alerts to chance; a device that misses this one finds out by its next request.
        if (sayGoodbye && dtls.Shutdown(Outbox.Next(), out var written) != PskTlsStatus.DestinationTooSmall && written > 0) session.TryCommit(written);
        Table.Remove(session);
        session.Free();
        Gate.Left();
        Counters.SessionsClosed++;
        try
        {
            Events.Closed(session, reason, error);
            _application.Closed(session, reason);
        }
        catch (Exception exception)
        {
            _shard.Fault(exception);
        }
    }

    /// <summary>Takes a session in, as the youngest.</summary>
    private void Enter(DatagramSession session)
    {
        session.LastHeard = Loop.Now;
        Table.Add(session);
        Table.AddAddress(session);
        if (!_idle.IsArmed) ArmIdle();
    }

    private void ExpireIdle()
    {
        var before = Loop.Now - IdleMilliseconds;
        while (Table.Oldest is { } oldest && oldest.LastHeard <= before)
        {
            Counters.Expired++;
            Close(oldest, CloseReason.IdleTimeout, sayGoodbye: false);
        }
        ArmIdle();
    }

    private void ArmIdle()
    {
        if (!_closed && Table.Oldest is { } oldest) Wheel.Arm(_idle, oldest.LastHeard + IdleMilliseconds - Loop.Now);
    }

    private long IdleMilliseconds => (long)Math.Ceiling(_listener.Options.Limits.IdleTimeout.TotalMilliseconds);

    private long IdOf(uint key) =>
        ((long)ShardIndex << Shard.IndexShift) | DatagramBit | ((_serial++ & ((1L << SerialBits) - 1)) << 32) | key;
}
