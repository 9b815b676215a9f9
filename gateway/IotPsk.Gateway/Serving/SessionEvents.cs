using System.Net;
using IotPsk.Gateway.Serving.Mqtt;
using IotPsk.Net;
using IotPsk.Tls;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving;

/// <summary>Hears the endpoint: logs, counts, and ends sessions that may not stand. Runs on shards, never blocks.</summary>
internal sealed class SessionEvents(ILogger log, EventCounters counters, TimeProvider time) : INetEvents
{
    private static readonly TimeSpan RefusalLogInterval = TimeSpan.FromSeconds(10);
    private volatile DeviceSessions? _devices;
    private readonly DeviceAssociations _associations = new();
    private readonly FailureLines _lines = new(time);

    /// <summary>Where sessions are told of as they begin and end.</summary>
    internal SessionFeed Feed { get; } = new(time);

    private readonly long[] _refusalsLogged = new long[Enum.GetValues<RefusalReason>().Length];
    private long _nextRefusalLog = long.MinValue;

    /// <summary>Whether a device may (still) have the session its key opened.</summary>
    internal required Func<DeviceGrant, bool> StillStands { get; init; }

    /// <summary>Whether a listener of this name is served (still).</summary>
    internal Func<string, bool> IsServed { get; set; } = static _ => true;

    /// <summary>The most live sessions of one device; 0 is no limit.</summary>
    internal int SessionsPerDevice => _devices?.Limit ?? 0;

    /// <summary>Ends one session; set once the shards exist, before anybody can connect.</summary>
    internal Action<long, CloseReason>? Close { get; set; }

    public void HandshakeFailed(in HandshakeFailure failure)
    {
        string reason = FailureName.Of(failure);
        counters.Count(failure.Listener, reason);
        bool hasLine = _lines.TryTake(reason, out long untold);
        if (untold > 0)
            log.HandshakeFailuresUntold(untold, reason);
        if (hasLine)
            log.HandshakeFailed(failure.Listener, failure.Remote, failure.Tag is DeviceGrant grant ? $"{failure}, device {LogName.Of(grant.Key.DeviceId)}" : failure.ToString());
    }

    public void Refused(string listener, IPEndPoint remote, RefusalReason reason)
    {
        long count = counters.Count(reason), now = time.GetTimestamp(), next = Volatile.Read(ref _nextRefusalLog);
        // A flood is told in a line every ten seconds, not in one each.
        if (now < next || Interlocked.CompareExchange(ref _nextRefusalLog, now + ((long)RefusalLogInterval.TotalSeconds * time.TimestampFrequency), next) != next)
            return;
        log.ConnectionsRefused(listener, reason, count - Interlocked.Exchange(ref _refusalsLogged[(int)reason], count));
    }

    public void Connected(SessionInfo session)
    {
        var grant = (DeviceGrant)session.Tag!;
        if (log.IsEnabled(LogLevel.Debug))
            LogOpened(session, grant, session.Tls!);
        counters.CountCompleted(session.Listener);
        Feed.Tell(session, null);
        if (grant.IsResumed)
            counters.CountResumed();
        // Revoked while the handshake went on: the sweep over live sessions may have come too early for this one.
        if (!StillStands(grant))
            Close!(session.Id, CloseReason.Revoked);
        else if (!IsServed(session.Listener))
            Close!(session.Id, CloseReason.ListenerRemoved);
        else
            Enter(session, grant);
    }

    /// <summary>Limits the sessions of a device from now on, those among them that are live; 0 is no limit.</summary>
    /// <param name="limit">The most of one device.</param>
    /// <param name="live">Gives the live sessions.</param>
    internal async Task LimitAsync(int limit, Func<Task<IReadOnlyList<SessionInfo>>> live)
    {
        if (limit == 0)
        {
            _devices = null;
            return;
        }
        // First the limit, then those it did not see come: who comes in between is entered once all the same.
        DeviceSessions devices = new(limit);
        _devices = devices;
        foreach (SessionInfo session in (await live()).OrderBy(s => s.ConnectedAt))
        {
            // One that ended meanwhile does no harm: it is the first to make room.
            if (session.Tag is DeviceGrant grant && devices.Enter(session.Id, grant.Key.DeviceId) is { } oldest)
                Close!(oldest, CloseReason.Replaced);
        }
    }

    public void Restored(SessionInfo session) => Enter(session, (DeviceGrant)session.Tag!);

    public void UpstreamFailed(SessionInfo session, EndPoint upstream, string cause) =>
        log.UpstreamFailed(upstream, session.Listener, cause, Device(session));

    public void Closed(SessionInfo session, CloseReason reason, TlsError? cause)
    {
        counters.Count(reason);
        Feed.Tell(session, reason);
        if (session.Tag is DeviceGrant grant)
        {
            _devices?.Leave(session.Id, grant.Key.DeviceId);
            if (session is DatagramSession)
                _associations.Leave(session.Listener, grant.Key.DeviceId, session.Id);
        }
        if (reason is CloseReason.TlsFailure or CloseReason.PeerAlert or CloseReason.PrologueTimeout or CloseReason.PrologueTooLarge or CloseReason.LocalFault)
            log.SessionBroken(session.Listener, session.Remote, cause is null ? reason.ToString() : $"{reason}: {cause}", Device(session));
        if (log.IsEnabled(LogLevel.Debug))
            log.SessionClosed(session.Id, (session.Tag as DeviceGrant)?.Key.DeviceId ?? "", reason, session.BytesUp, session.BytesDown);
    }

    public void Fault(Exception exception) => log.Fault(exception);

    internal void ConnectRefused(SessionInfo session, MqttConnectRefusal reason)
    {
        counters.Count(reason);
        log.ConnectRefused(session.Listener, session.Remote, reason, Device(session));
    }

    // Only now, with the handshake done: a hello in a device's name ends nothing.
    private void Enter(SessionInfo session, DeviceGrant grant)
    {
        // A session that fetches a key takes nobody's place.
        if (session.Tls?.ApplicationProtocol is { IsEmpty: false })
            return;
        if (_devices?.Enter(session.Id, grant.Key.DeviceId) is { } oldest)
            Close!(oldest, CloseReason.Replaced);
        if (session is DatagramSession && _associations.Enter(session.Listener, grant.Key.DeviceId, session.Id) is { } before)
            Close!(before, CloseReason.Replaced);
    }

    private static string Device(SessionInfo session) => session.Tag is DeviceGrant grant ? LogName.Of(grant.Key.DeviceId) : "not known";

    private void LogOpened(SessionInfo session, DeviceGrant grant, PskTlsSession tls) =>
        log.SessionOpened(session.Id, grant.Key.DeviceId, LogName.Of(grant.Key.DeviceId), session.Listener, session.Remote, TlsNames.Of(tls.Version),
            tls.CipherSuite.ToString(), TlsNames.KeyExchange(tls), grant.Key.Epoch, grant.IsResumed ? "by ticket" : "by key", grant.TpmCommands);
}
