namespace IotPsk.Lwm2m.Coap;

/// <summary>A confirmable message of ours until it is acknowledged (RFC 7252 s4.2); the rest of a peer's wait in line behind it.</summary>
internal sealed class OutgoingMessage(CoapPeer peer, ushort messageId, byte[] bytes)
{
    internal CoapPeer Peer { get; } = peer;

    internal ushort MessageId { get; } = messageId;

    internal byte[] Bytes { get; } = bytes;

    /// <summary>The peer's path when it was sent for the first time.</summary>
    internal int Path { get; set; }

    /// <summary>What it asks, if it is a request.</summary>
    internal CoapRequest? Request { get; init; }

    /// <summary>A request whose answer is still to come.</summary>
    internal bool IsAcknowledged { get; set; }

    /// <summary>When it is sent again or given up; of a message that is over, its place in the timers means nothing.</summary>
    internal long Due { get; set; }

    internal long Timeout { get; set; }

    internal int Retransmissions { get; set; }

    internal bool IsOver { get; set; }

    /// <summary>Of a probe: the first ping was answered.</summary>
    internal bool IsSecondPing { get; init; }

    /// <summary>Of a probe: answers to nothing that came while it was under way.</summary>
    internal int WrongAnswers { get; set; }

    internal OutgoingMessage? Next { get; set; }
}
