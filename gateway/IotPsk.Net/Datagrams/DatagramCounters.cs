namespace IotPsk.Net.Datagrams;

/// <summary>Counters of one shard: plain numbers its own thread writes and others only read.</summary>
internal sealed class DatagramCounters
{
    internal long Received;
    internal long Sent;
    internal long SendsFailed;
    internal long ReceiveErrors;
    internal long Oversized;
    internal long Malformed;
    internal long UnknownConnectionId;
    internal long UnknownAddress;
    internal long RecordsIgnored;
    internal long CookiesSent;
    internal long HellosIgnored;
    internal long Accepted;
    internal long RefusedHalfOpen;
    internal long RefusedPrefix;
    internal long PskRequests;
    internal long HandshakesCompleted;
    internal long HandshakesFailed;
    internal long HandshakeTimeouts;
    internal long SessionsOpened;
    internal long SessionsClosed;
    internal long Restored;
    internal long AddressMoves;
    internal long AddressesConfirmed;
    internal long AddressesRestored;
    internal long PathLimited;
    internal long Evicted;
    internal long Expired;
    internal long HandedOver;
    internal long HandOversDropped;
}
