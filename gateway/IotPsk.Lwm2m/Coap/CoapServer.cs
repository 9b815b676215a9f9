using IotPsk.Shared;

namespace IotPsk.Lwm2m.Coap;

/// <summary>
/// The message layer of a CoAP server (RFC 7252 s4, s5) without sockets, clocks and threads: messages in, messages out by the
/// channel, time as a parameter. One for each thread that serves peers; all calls come from that thread.
/// </summary>
public sealed partial class CoapServer
{
    // A record of DTLS holds no more.
    private const int LargestMessage = 1 << 14;

    private readonly CoapServerOptions _options;
    private readonly ICoapChannel _channel;
    private readonly ReplyCache _replies;
    private readonly CoapReader _reader = new();
    private readonly CoapExchange _exchange;
    private readonly byte[] _input = new byte[LargestMessage];
    private readonly List<Route> _routes = [];

    /// <summary>A server without resources.</summary>
    /// <param name="channel">Carries its messages.</param>
    /// <param name="options">How it behaves; null for the defaults.</param>
    public CoapServer(ICoapChannel channel, CoapServerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(channel);
        _options = options ?? new CoapServerOptions();
        _channel = channel;
        _replies = new ReplyCache(Math.Max(_options.RememberedReplies, 1), Math.Clamp(_options.RememberedRepliesPerPeer, 1, 64), _options.LongReplyBytes, _options.ExchangeLifetime);
        _transfers = new BlockTransfers(_options.MaxBody, _options.BodyBytes, _options.ExchangeLifetime);
        _exchange = new CoapExchange(this, _reader);
    }

    /// <summary>What was counted.</summary>
    public CoapCounters Counters { get; } = new();

    internal byte[] ReplyBuffer { get; } = new byte[LargestMessage];

    /// <summary>Serves a path.</summary>
    /// <param name="path">The path, for example <c>/echo</c>: segments of ASCII, no query.</param>
    /// <param name="resource">What answers.</param>
    /// <param name="andBelow">Whether it answers for every path below as well.</param>
    /// <exception cref="ArgumentException">The path begins with no slash or has an empty segment.</exception>
    public void Map(string path, ICoapResource resource, bool andBelow = false)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(resource);
        string[] segments = path.StartsWith('/') ? path[1..].Split('/') : [""];
        if (segments.Contains(""))
            throw new ArgumentException($"'{path}' is no path of segments; write it as /a/b.", nameof(path));
        _routes.Add(new Route(segments, resource, andBelow));
    }

    /// <summary>Takes up a peer: its association is established.</summary>
    /// <param name="deviceId">The device, as the handshake proved it.</param>
    /// <param name="owner">What the channel knows the association by.</param>
    /// <returns>The peer, to be given to every other call.</returns>
    public CoapPeer Open(string deviceId, object? owner) => new(deviceId, owner, _options.MaxMessageSize, (ushort)_options.Random.Next(0x10000));

    /// <summary>Forgets a peer: its association is over. What still waits for it is dropped.</summary>
    /// <param name="peer">The peer.</param>
    public void Close(CoapPeer peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        peer.IsOpen = false;
        _replies.Forget(peer);
        _transfers.Drop(peer);
        DropOutgoing(peer);
        foreach (CoapRequest request in peer.Requests.ToArray())
            Fail(request, CoapRequestFailure.Closed);
    }

    /// <summary>Takes one message of a peer.</summary>
    /// <param name="peer">Whose it is.</param>
    /// <param name="message">The message: the plaintext of one datagram.</param>
    /// <param name="now">The time, in milliseconds of any monotonic clock.</param>
    /// <returns>
    /// True if the message answers something this server sent on the peer's present path, so that the peer has to be there:
    /// what an endpoint waits for before it trusts a new address (RFC 9146 s6).
    /// </returns>
    public bool Receive(CoapPeer peer, ReadOnlySpan<byte> message, long now)
    {
        ArgumentNullException.ThrowIfNull(peer);
        if (!peer.IsOpen || message.Length > LargestMessage)
            return false;
        message.CopyTo(_input);
        CoapFormatError error = _reader.Read(_input, 0, message.Length);
        if (error != CoapFormatError.None)
        {
            Counters.Malformed++;
            // Another version is ignored in silence (RFC 7252 s3); of the rest confirmable messages are rejected (s4.2).
            if (error is not (CoapFormatError.TooShort or CoapFormatError.UnknownVersion) && _reader.Type == CoapType.Confirmable)
                SendEmpty(peer, CoapType.Reset, _reader.MessageId);
            return false;
        }
        if (CoapCodes.IsRequest(_reader.Code))
        {
            TakeRequest(peer, now);
            return false;
        }
        if (_reader.Type == CoapType.Confirmable && _reader.Code == CoapCode.Empty)
        {
            // A ping (RFC 7252 s4.3).
            Counters.Pings++;
            SendEmpty(peer, CoapType.Reset, _reader.MessageId);
            return false;
        }
        return TakeAnswer(peer, now);
    }

    internal int GetRoom(CoapPeer peer) => Math.Clamp(Math.Min(peer.MaxMessageSize, _options.MaxMessageSize), CoapWriter.HeaderLength + CoapWriter.MaxTokenLength, LargestMessage);

    private void SendEmpty(CoapPeer peer, CoapType type, int messageId)
    {
        int length = CoapWriter.WriteEmpty(type, messageId, ReplyBuffer, 0);
        _channel.Send(peer, ReplyBuffer.AsSpan(0, length));
    }

    private sealed record Route(string[] Segments, ICoapResource Resource, bool AndBelow);
}
