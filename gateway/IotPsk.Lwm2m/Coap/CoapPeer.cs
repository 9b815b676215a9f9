namespace IotPsk.Lwm2m.Coap;

/// <summary>The other side of one association. Made by <see cref="CoapServer.Open"/>, used on the server's thread alone.</summary>
public sealed class CoapPeer
{
    private ushort _messageId;

    internal CoapPeer(string deviceId, object? owner, int maxMessageSize, ushort messageId)
    {
        DeviceId = deviceId;
        Owner = owner;
        MaxMessageSize = maxMessageSize;
        _messageId = messageId;
    }

    /// <summary>The device, as the handshake proved it.</summary>
    public string DeviceId { get; }

    /// <summary>What the channel's owner knows the association by.</summary>
    public object? Owner { get; }

    /// <summary>The largest message that fits into one datagram to the peer, in bytes.</summary>
    public int MaxMessageSize { get; set; }

    /// <summary>
    /// The way to the peer, by a number of the owner's that changes when the peer's address does. To be set before
    /// <see cref="CoapServer.Receive"/>: an answer proves an address only if what it answers was sent there alone.
    /// </summary>
    public int Path { get; set; }

    /// <summary>False once <see cref="CoapServer.Close"/> was called.</summary>
    public bool IsOpen { get; internal set; } = true;

    // The rows of this peer in the server's tables: newest and oldest remembered reply, messages not yet acknowledged.
    internal int NewestReply { get; set; } = -1;

    internal int OldestReply { get; set; } = -1;

    internal int Replies { get; set; }

    internal int Deferrals { get; set; }

    internal OutgoingMessage? FirstOutgoing { get; set; }

    internal OutgoingMessage? Probe { get; set; }

    internal BlockTransfer? Transfer { get; set; }

    // The same id is used again after 65536 others only, far beyond EXCHANGE_LIFETIME at any rate NSTART allows (RFC 7252 s4.4).
    internal ushort NextMessageId() => _messageId++;
}
