namespace IotPsk.Lwm2m.Coap;

/// <summary>How a server behaves. The times are those of RFC 7252 s4.8 unless said otherwise.</summary>
public sealed class CoapServerOptions
{
    /// <summary>The largest message sent, in bytes, unless the peer's is smaller; 1152 keeps to one packet anywhere (RFC 7252 s4.6).</summary>
    public int MaxMessageSize { get; init; } = 1152;

    /// <summary>Replies remembered for requests that may come again, of all peers together; the oldest gives way.</summary>
    public int RememberedReplies { get; init; } = 65536;

    /// <summary>Replies remembered for one peer, so that one cannot crowd out the others; 1 to 64.</summary>
    public int RememberedRepliesPerPeer { get; init; } = 16;

    /// <summary>Bytes of memory for remembered replies that are longer than usual, of all peers together.</summary>
    public int LongReplyBytes { get; init; } = 4 << 20;

    /// <summary>How long a message may come again, in milliseconds: EXCHANGE_LIFETIME.</summary>
    public int ExchangeLifetime { get; init; } = 247_000;

    /// <summary>ACK_TIMEOUT in milliseconds: the first retransmission comes after 1 to 1.5 of it.</summary>
    public int AckTimeout { get; init; } = 2000;

    /// <summary>MAX_RETRANSMIT: how often a confirmable message is sent again.</summary>
    public int MaxRetransmit { get; init; } = 4;

    /// <summary>Messages that wait for one peer's acknowledgement of the one before (NSTART is 1); more are dropped.</summary>
    public int QueuedPerPeer { get; init; } = 16;

    /// <summary>How long the answer to an acknowledged request of ours may take, in milliseconds.</summary>
    public int ResponseTimeout { get; init; } = 93_000;

    /// <summary>Requests of ours that one peer may have open at a time.</summary>
    public int RequestsPerPeer { get; init; } = 64;

    /// <summary>Answers of one peer that may be put off at a time; beyond it 5.03.</summary>
    public int DeferralsPerPeer { get; init; } = 8;

    /// <summary>The largest body of a request that comes in blocks, in bytes; larger ones are answered by 4.13.</summary>
    public int MaxBody { get; init; } = 64 << 10;

    /// <summary>Bytes of memory for bodies that are not whole yet, of all peers together; the one that has waited longest gives way.</summary>
    public int BodyBytes { get; init; } = 16 << 20;

    /// <summary>The source of message ids and of the spread of retransmissions; none of it is secret.</summary>
    public Random Random { get; init; } = new();

    /// <summary>Takes notifications; null: nobody does.</summary>
    public ICoapNotifications? Notifications { get; init; }

    /// <summary>Is told what a resource threw; the peer got 5.00.</summary>
    public Action<Exception>? OnFailure { get; init; }
}
