using IotPsk.Net.Limits;

namespace IotPsk.Net;

/// <summary>Counters of all shards, summed when read. Those of one shard may be a turn apart from each other.</summary>
public sealed record NetMetrics
{
    internal NetMetrics(IEnumerable<Shard> shards, ConnectionGate gate)
    {
        Connections = gate.Connections;
        HalfOpen = gate.HalfOpen;
        foreach (var shard in shards)
        {
            AddAdmission(shard.Counters);
            AddSessions(shard.Counters);
            BufferedBytes += shard.Pool.BytesInUse;
            LoopTurns += Volatile.Read(ref shard.Loop.Counters.Turns);
            LoopEvents += Volatile.Read(ref shard.Loop.Counters.Events);
        }
    }

    /// <summary>Connections now, in any state.</summary>
    public int Connections { get; }

    /// <summary>Connections now whose handshake is not done.</summary>
    public int HalfOpen { get; }

    /// <summary>Sessions now whose handshake is done.</summary>
    public long Sessions => SessionsOpened - SessionsClosed;

    /// <summary>Connections admitted.</summary>
    public long Accepted { get; private set; }

    /// <summary>Connections refused by <see cref="NetLimits.Connections"/> or <see cref="TlsListenerOptions.Connections"/>.</summary>
    public long RefusedConnections { get; private set; }

    /// <summary>Connections refused by <see cref="NetLimits.HalfOpen"/>.</summary>
    public long RefusedHalfOpen { get; private set; }

    /// <summary>Connections refused by <see cref="NetLimits.HalfOpenPerPrefix"/>.</summary>
    public long RefusedPrefix { get; private set; }

    /// <summary>Connections closed unheard because the process or the system had no descriptor for them.</summary>
    public long NoDescriptors { get; private set; }

    /// <summary>Other failures to accept.</summary>
    public long AcceptErrors { get; private set; }

    /// <summary>Keys asked for.</summary>
    public long PskRequests { get; private set; }

    /// <summary>Handshakes done.</summary>
    public long HandshakesCompleted { get; private set; }

    /// <summary>Handshakes failed, time-outs included.</summary>
    public long HandshakesFailed { get; private set; }

    /// <summary>Handshakes that ran into <see cref="NetLimits.HandshakeTimeout"/>.</summary>
    public long HandshakeTimeouts { get; private set; }

    /// <summary>Upstream connections made.</summary>
    public long UpstreamConnects { get; private set; }

    /// <summary>Upstream connections that could not be made.</summary>
    public long UpstreamFailures { get; private set; }

    /// <summary>Sessions a prologue refused.</summary>
    public long PrologueRefusals { get; private set; }

    /// <summary>Sessions whose handshake was done, ever.</summary>
    public long SessionsOpened { get; private set; }

    /// <summary>Of them, ended.</summary>
    public long SessionsClosed { get; private set; }

    /// <summary>Plaintext bytes from clients.</summary>
    public long BytesUp { get; private set; }

    /// <summary>Plaintext bytes to clients.</summary>
    public long BytesDown { get; private set; }

    /// <summary>Times one side did not take what the other sent, and reading paused.</summary>
    public long Blocked { get; private set; }

    /// <summary>Exceptions of code called on shards.</summary>
    public long Faults { get; private set; }

    /// <summary>Bytes in buffers held by sessions now (partial records, blocked sockets).</summary>
    public long BufferedBytes { get; }

    /// <summary>Turns of the event loops.</summary>
    public long LoopTurns { get; }

    /// <summary>Events the loops handled.</summary>
    public long LoopEvents { get; }

    private void AddAdmission(ShardCounters from)
    {
        Accepted += Volatile.Read(ref from.Accepted);
        RefusedConnections += Volatile.Read(ref from.RefusedConnections);
        RefusedHalfOpen += Volatile.Read(ref from.RefusedHalfOpen);
        RefusedPrefix += Volatile.Read(ref from.RefusedPrefix);
        NoDescriptors += Volatile.Read(ref from.NoDescriptors);
        AcceptErrors += Volatile.Read(ref from.AcceptErrors);
        PskRequests += Volatile.Read(ref from.PskRequests);
        HandshakesCompleted += Volatile.Read(ref from.HandshakesCompleted);
        HandshakesFailed += Volatile.Read(ref from.HandshakesFailed);
        HandshakeTimeouts += Volatile.Read(ref from.HandshakeTimeouts);
    }

    private void AddSessions(ShardCounters from)
    {
        UpstreamConnects += Volatile.Read(ref from.UpstreamConnects);
        UpstreamFailures += Volatile.Read(ref from.UpstreamFailures);
        PrologueRefusals += Volatile.Read(ref from.PrologueRefusals);
        // Closed first: a session that opens and closes in between must not count as minus one.
        SessionsClosed += Volatile.Read(ref from.SessionsClosed);
        SessionsOpened += Volatile.Read(ref from.SessionsOpened);
        BytesUp += Volatile.Read(ref from.BytesUp);
        BytesDown += Volatile.Read(ref from.BytesDown);
        Blocked += Volatile.Read(ref from.Blocked);
        Faults += Volatile.Read(ref from.Faults);
    }
}
