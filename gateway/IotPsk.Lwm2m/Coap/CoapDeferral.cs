using IotPsk.Shared;

namespace IotPsk.Lwm2m.Coap;

/// <summary>An answer that was put off. To be used on the server's thread.</summary>
public sealed class CoapDeferral
{
    private readonly CoapServer _server;
    private readonly byte[] _token;
    private readonly bool _confirmable, _isHeld;
    private readonly int _messageId;
    private readonly uint? _block, _noResponse;
    private bool _done;

    internal CoapDeferral(CoapServer server, CoapExchange exchange, uint? block, bool isHeld)
    {
        _server = server;
        Peer = exchange.Peer;
        CoapReader request = exchange.Request;
        _token = request.Buffer.AsSpan(request.TokenOffset, request.TokenLength).ToArray();
        _confirmable = request.Type == CoapType.Confirmable;
        _messageId = request.MessageId;
        _isHeld = isHeld && _confirmable;
        _block = block;
        if (request.FindOption(CoapOption.NoResponse) && request.TryGetUInt(out uint unwanted))
            _noResponse = unwanted;
    }

    /// <summary>Who asked.</summary>
    public CoapPeer Peer { get; }

    /// <summary>Gives the answer; confirmable if the request was (RFC 7252 s5.2.2), or with its acknowledgement if that was put off too.</summary>
    /// <param name="code">The code of the response.</param>
    /// <param name="contentFormat">The payload's format, <see cref="CoapContentFormat"/>; -1 for none.</param>
    /// <param name="payload">The payload; may be empty.</param>
    /// <param name="now">The time, in milliseconds of the server's clock.</param>
    /// <returns>False if the peer is gone or too many messages wait for it; the answer is lost then.</returns>
    /// <exception cref="InvalidOperationException">It was given before.</exception>
    /// <exception cref="ArgumentException">The answer does not fit into a message.</exception>
    public bool Answer(CoapCode code, int contentFormat, ReadOnlySpan<byte> payload, long now)
    {
        if (_done)
            throw new InvalidOperationException("A request is answered once.");
        if (_noResponse is { } unwanted && CoapNoResponse.Suppresses((int)unwanted, code))
            return Conclude(!_isHeld || _server.SendHeld(Peer, _messageId, null, now));
        ushort messageId = (ushort)_messageId;
        CoapWriter writer = _isHeld ? _server.BeginHeld(Peer, messageId, code, _token)
            : _server.BeginOwn(Peer, _confirmable ? CoapType.Confirmable : CoapType.NonConfirmable, code, _token, out messageId);
        if (contentFormat >= 0)
            writer.AddOption(CoapOption.ContentFormat, (uint)contentFormat);
        // RFC 7959 s2.3: the answer tells which block it answers.
        if (_block is { } block)
            writer.AddOption(CoapOption.Block1, block);
        byte[] copy = payload.ToArray();
        writer.WritePayload(copy, 0, copy.Length);
        return Conclude(_isHeld ? _server.SendHeld(Peer, messageId, writer.Length, now) : _server.SendOwn(Peer, messageId, writer.Length, _confirmable, now));
    }

    private bool Conclude(bool sent)
    {
        _done = true;
        Peer.Deferrals--;
        Peer.Tidy();
        return sent;
    }
}
