using IotPsk.Net.Datagrams;

namespace IotPsk.Net;

/// <summary>Counters of all UDP ports of a <see cref="ShardSet"/>, summed when read. Those of one shard may be a turn apart from each other.</summary>
public sealed record DatagramMetrics
{
    internal DatagramMetrics(IEnumerable<DatagramCounters> shards)
    {
        foreach (var counters in shards)
        {
            AddDatagrams(counters);
            AddHandshakes(counters);
            AddSessions(counters);
        }
    }

    /// <summary>Associations now.</summary>
    public long Sessions => SessionsOpened + Restored - SessionsClosed;

    /// <summary>Datagrams received.</summary>
    public long Received { get; private set; }

    /// <summary>Datagrams the kernel has taken.</summary>
    public long Sent { get; private set; }

    /// <summary>Datagrams the kernel did not take: its buffer was full, or there is no way to the address.</summary>
    public long SendsFailed { get; private set; }

    /// <summary>Errors of receiving; what an ICMP message left behind is one.</summary>
    public long ReceiveErrors { get; private set; }

    /// <summary>Datagrams dropped because they were larger than 4096 bytes.</summary>
    public long Oversized { get; private set; }

    /// <summary>Datagrams dropped because they do not begin with a record.</summary>
    public long Malformed { get; private set; }

    /// <summary>Datagrams dropped because nobody has their connection id: associations of before a crash, mostly.</summary>
    public long UnknownConnectionId { get; private set; }

    /// <summary>Datagrams without connection id dropped because there is no association with their address.</summary>
    public long UnknownAddress { get; private set; }

    /// <summary>Records of known associations that were not taken: forged, repeated, too old, or no news.</summary>
    public long RecordsIgnored { get; private set; }

    /// <summary>HelloVerifyRequests sent.</summary>
    public long CookiesSent { get; private set; }

    /// <summary>ClientHellos dropped: fragments without a verified beginning, repetitions of finished handshakes.</summary>
    public long HellosIgnored { get; private set; }

    /// <summary>Handshakes begun: hellos with the right cookie.</summary>
    public long Accepted { get; private set; }

    /// <summary>Handshakes refused by <see cref="NetLimits.HalfOpen"/>.</summary>
    public long RefusedHalfOpen { get; private set; }

    /// <summary>Handshakes refused by <see cref="NetLimits.HalfOpenPerPrefix"/>.</summary>
    public long RefusedPrefix { get; private set; }

    /// <summary>Keys asked for.</summary>
    public long PskRequests { get; private set; }

    /// <summary>Handshakes done.</summary>
    public long HandshakesCompleted { get; private set; }

    /// <summary>Handshakes failed, time-outs included.</summary>
    public long HandshakesFailed { get; private set; }

    /// <summary>Handshakes that ran into <see cref="DatagramLimits.HandshakeTimeout"/>.</summary>
    public long HandshakeTimeouts { get; private set; }

    /// <summary>Associations whose handshake was done, ever.</summary>
    public long SessionsOpened { get; private set; }

    /// <summary>Associations ended.</summary>
    public long SessionsClosed { get; private set; }

    /// <summary>Associations taken over from before a restart.</summary>
    public long Restored { get; private set; }

    /// <summary>Times a device was heard from another address.</summary>
    public long AddressMoves { get; private set; }

    /// <summary>Of them, proved by an answer.</summary>
    public long AddressesConfirmed { get; private set; }

    /// <summary>Of them, taken back after <see cref="DatagramLimits.PathTimeout"/>.</summary>
    public long AddressesRestored { get; private set; }

    /// <summary>Datagrams not sent to an address that is not proved, because it had got three times what came from it.</summary>
    public long PathLimited { get; private set; }

    /// <summary>Associations given up for others when <see cref="DatagramLimits.Associations"/> was reached.</summary>
    public long Evicted { get; private set; }

    /// <summary>Associations forgotten after <see cref="DatagramLimits.IdleTimeout"/>.</summary>
    public long Expired { get; private set; }

    /// <summary>Datagrams passed on to another shard.</summary>
    public long HandedOver { get; private set; }

    /// <summary>Datagrams dropped because too many were on their way to another shard.</summary>
    public long HandOversDropped { get; private set; }

    private void AddDatagrams(DatagramCounters from)
    {
        Received += Volatile.Read(ref from.Received);
        Sent += Volatile.Read(ref from.Sent);
        SendsFailed += Volatile.Read(ref from.SendsFailed);
        ReceiveErrors += Volatile.Read(ref from.ReceiveErrors);
        Oversized += Volatile.Read(ref from.Oversized);
        Malformed += Volatile.Read(ref from.Malformed);
        UnknownConnectionId += Volatile.Read(ref from.UnknownConnectionId);
        UnknownAddress += Volatile.Read(ref from.UnknownAddress);
        RecordsIgnored += Volatile.Read(ref from.RecordsIgnored);
        HandedOver += Volatile.Read(ref from.HandedOver);
        HandOversDropped += Volatile.Read(ref from.HandOversDropped);
    }

    private void AddHandshakes(DatagramCounters from)
    {
        CookiesSent += Volatile.Read(ref from.CookiesSent);
        HellosIgnored += Volatile.Read(ref from.HellosIgnored);
        Accepted += Volatile.Read(ref from.Accepted);
        RefusedHalfOpen += Volatile.Read(ref from.RefusedHalfOpen);
        RefusedPrefix += Volatile.Read(ref from.RefusedPrefix);
        PskRequests += Volatile.Read(ref from.PskRequests);
        HandshakesCompleted += Volatile.Read(ref from.HandshakesCompleted);
        HandshakesFailed += Volatile.Read(ref from.HandshakesFailed);
        HandshakeTimeouts += Volatile.Read(ref from.HandshakeTimeouts);
    }

    private void AddSessions(DatagramCounters from)
    {
        // Closed first: one that opens and closes in between must not count as minus one.
        SessionsClosed += Volatile.Read(ref from.SessionsClosed);
        SessionsOpened += Volatile.Read(ref from.SessionsOpened);
        Restored += Volatile.Read(ref from.Restored);
        AddressMoves += Volatile.Read(ref from.AddressMoves);
        AddressesConfirmed += Volatile.Read(ref from.AddressesConfirmed);
        AddressesRestored += Volatile.Read(ref from.AddressesRestored);
        PathLimited += Volatile.Read(ref from.PathLimited);
        Evicted += Volatile.Read(ref from.Evicted);
        Expired += Volatile.Read(ref from.Expired);
    }
}
