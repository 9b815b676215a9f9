namespace IotPsk.Lwm2m.Coap;

/// <summary>The other side of one association. Made by <see cref="CoapServer.Open"/>, used on the server's thread alone.</summary>
public sealed class CoapPeer
{
    // There are as many of these as associations: what most of them do not need most of the time is apart.
    private PeerWork? _work;
    private ushort _messageId;
    private ushort _maxMessageSize;

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

    /// <summary>What the owner of the server knows the peer by.</summary>
    public object? Tag { get; set; }

    /// <summary>Registrations and updates in the present minute, and which minute that is.</summary>
    internal (uint Minute, int Count) Registering { get; set; }

    /// <summary>The largest message that fits into one datagram to the peer, in bytes.</summary>
    public int MaxMessageSize
    {
        get => _maxMessageSize;
        set => _maxMessageSize = (ushort)Math.Clamp(value, 0, ushort.MaxValue);
    }

    /// <summary>
    /// The way to the peer, by a number of the owner's that changes when the peer's address does. To be set before
    /// <see cref="CoapServer.Receive"/>: an answer proves an address only if what it answers was sent there alone.
    /// </summary>
    public int Path { get; set; }

    /// <summary>False once <see cref="CoapServer.Close"/> was called.</summary>
    public bool IsOpen { get; internal set; } = true;

    // The rows of this peer in the table of remembered replies: newest, oldest, how many.
    internal int NewestReply { get; set; } = -1;

    internal int OldestReply { get; set; } = -1;

    internal byte Replies { get; set; }

    internal int Deferrals
    {
        get => _work?.Deferrals ?? 0;
        set => Work().Deferrals = value;
    }

    /// <summary>What waits for an acknowledgement, and behind it what waits for its turn.</summary>
    internal OutgoingMessage? FirstOutgoing
    {
        get => _work?.FirstOutgoing;
        set => Work().FirstOutgoing = value;
    }

    internal OutgoingMessage? Probe
    {
        get => _work?.Probe;
        set => Work().Probe = value;
    }

    internal BlockTransfer? Transfer
    {
        get => _work?.Transfer;
        set => Work().Transfer = value;
    }

    internal IReadOnlyList<CoapRequest> Requests => _work?.Requests ?? [];

    internal void AddRequest(CoapRequest request) => (Work().Requests ??= []).Add(request);

    internal void RemoveRequest(CoapRequest request)
    {
        if (_work?.Requests is not { } requests)
            return;
        requests.Remove(request);
        if (requests.Count == 0)
            _work.Requests = null;
        Tidy();
    }

    /// <summary>Gives back what is not needed now.</summary>
    internal void Tidy()
    {
        if (_work is { Deferrals: 0, FirstOutgoing: null, Probe: null, Transfer: null, Requests: null })
            _work = null;
    }

    // The same id is used again after 65536 others only, far beyond EXCHANGE_LIFETIME at any rate NSTART allows (RFC 7252 s4.4).
    internal ushort NextMessageId() => _messageId++;

    private PeerWork Work() => _work ??= new PeerWork();

    private sealed class PeerWork
    {
        internal int Deferrals;
        internal OutgoingMessage? FirstOutgoing;
        internal OutgoingMessage? Probe;
        internal BlockTransfer? Transfer;
        internal List<CoapRequest>? Requests;
    }
}
