namespace IotPsk.Net;

/// <summary>Counters of one shard: plain numbers its own thread writes and others only read.</summary>
internal sealed class ShardCounters
{
    internal long Accepted;
    internal long RefusedConnections;
    internal long RefusedHalfOpen;
    internal long RefusedPrefix;
    internal long NoDescriptors;
    internal long AcceptErrors;
    internal long PskRequests;
    internal long HandshakesCompleted;
    internal long HandshakesFailed;
    internal long HandshakeTimeouts;
    internal long UpstreamConnects;
    internal long UpstreamFailures;
    internal long PrologueRefusals;
    internal long SessionsOpened;
    internal long SessionsClosed;
    internal long BytesUp;
    internal long BytesDown;
    internal long Blocked;
    internal long Faults;
}
