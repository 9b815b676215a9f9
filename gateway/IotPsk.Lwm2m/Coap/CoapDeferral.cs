using IotPsk.Shared;

namespace IotPsk.Lwm2m.Coap;

/// <summary>An answer that was put off. To be used on the server's thread.</summary>
public sealed class CoapDeferral
{
    private readonly CoapServer _server;
    private readonly byte[] _token;
    private readonly bool _confirmable;
    private bool _done;

    internal CoapDeferral(CoapServer server, CoapExchange exchange)
    {
        _server = server;
        Peer = exchange.Peer;
        CoapReader request = exchange.Request;
        _token = request.Buffer.AsSpan(request.TokenOffset, request.TokenLength).ToArray();
        _confirmable = request.Type == CoapType.Confirmable;
    }

    /// <summary>Who asked.</summary>
    public CoapPeer Peer { get; }

    /// <summary>Gives the answer; confirmable if the request was (RFC 7252 s5.2.2).</summary>
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
        CoapWriter writer = _server.BeginOwn(Peer, _confirmable ? CoapType.Confirmable : CoapType.NonConfirmable, code, _token, out ushort messageId);
        if (contentFormat >= 0)
            writer.AddOption(CoapOption.ContentFormat, (uint)contentFormat);
        byte[] copy = payload.ToArray();
        writer.WritePayload(copy, 0, copy.Length);
        _done = true;
        Peer.Deferrals--;
        bool sent = _server.SendOwn(Peer, messageId, writer.Length, _confirmable, now);
        Peer.Tidy();
        return sent;
    }
}
