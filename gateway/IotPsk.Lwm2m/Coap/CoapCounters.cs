namespace IotPsk.Lwm2m.Coap;

/// <summary>What a server counted. Its own thread writes, others may read at any time.</summary>
public sealed class CoapCounters
{
    /// <summary>Requests given to a resource.</summary>
    public long Requests { get; internal set; }

    /// <summary>Requests that came again; they were answered as before, or ignored if non-confirmable.</summary>
    public long Duplicates { get; internal set; }

    /// <summary>Messages that are no well-formed CoAP.</summary>
    public long Malformed { get; internal set; }

    /// <summary>Confirmable empty messages, answered by a reset.</summary>
    public long Pings { get; internal set; }

    /// <summary>Requests refused for an unknown path (4.04).</summary>
    public long UnknownPaths { get; internal set; }

    /// <summary>Requests refused for a critical option not heeded (4.02).</summary>
    public long BadOptions { get; internal set; }

    /// <summary>Answers, acknowledgements and resets that fit nothing sent.</summary>
    public long Unmatched { get; internal set; }

    /// <summary>Confirmable messages sent again.</summary>
    public long Retransmissions { get; internal set; }

    /// <summary>Confirmable messages given up without an acknowledgement.</summary>
    public long Unacknowledged { get; internal set; }

    /// <summary>Requests that a resource failed at, answered by 5.00.</summary>
    public long Failures { get; internal set; }
}
