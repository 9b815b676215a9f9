using System.Text;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Coap;

/// <summary>A request and the answer to it. One object serves all requests of a server, one after another.</summary>
public sealed class CoapExchange
{
    private readonly CoapServer _server;
    private readonly CoapWriter _writer = new();

    internal CoapExchange(CoapServer server, CoapReader request)
    {
        _server = server;
        Request = request;
    }

    /// <summary>Who asks.</summary>
    public CoapPeer Peer { get; private set; } = null!;

    /// <summary>The request.</summary>
    public CoapReader Request { get; }

    /// <summary>The time, in milliseconds of the server's clock.</summary>
    public long Now { get; private set; }

    /// <summary>How many Uri-Path options the resource's own path took; those behind them are for the resource to look at.</summary>
    public int PathSegments { get; internal set; }

    internal bool IsAnswered => _writer.Length > 0;

    internal bool IsDeferred { get; private set; }

    internal int Length => _writer.Length;

    /// <summary>Begins the answer; options and payload are then added by the writer. To call it again starts afresh.</summary>
    /// <param name="code">The code of the response.</param>
    /// <returns>The writer, with room for what fits into one datagram.</returns>
    /// <exception cref="ArgumentException">The code is that of no response.</exception>
    public CoapWriter Begin(CoapCode code)
    {
        bool piggybacked = Request.Type == CoapType.Confirmable;
        // A piggybacked response has the request's message id, any other its own (RFC 7252 s5.2.1, s5.2.3).
        int messageId = piggybacked ? Request.MessageId : Peer.NextMessageId();
        _writer.Begin(_server.ReplyBuffer, 0, _server.GetRoom(Peer), piggybacked ? CoapType.Acknowledgement : CoapType.NonConfirmable, code, messageId,
            Request.Buffer, Request.TokenOffset, Request.TokenLength);
        return _writer;
    }

    /// <summary>Answers without a payload.</summary>
    /// <param name="code">The code of the response.</param>
    public void Answer(CoapCode code) => Begin(code);

    /// <summary>Answers with a text for people (RFC 7252 s5.5.2); it is cut to what fits.</summary>
    /// <param name="code">The code of an error.</param>
    /// <param name="diagnostic">What is wrong, and how to mend it.</param>
    public void Answer(CoapCode code, string diagnostic)
    {
        CoapWriter writer = Begin(code);
        byte[] text = Encoding.UTF8.GetBytes(diagnostic);
        int count = Math.Min(text.Length, writer.Room - 1);
        // Not inside a character.
        while (count > 0 && count < text.Length && (text[count] & 0xc0) == 0x80)
            count--;
        writer.WritePayload(text, 0, Math.Max(count, 0));
    }

    /// <summary>Puts the answer off: the peer hears now that the request arrived, and the answer when it is there (RFC 7252 s5.2.2).</summary>
    /// <returns>Where to give the answer; null if the peer has too many open already, and then 5.03 was answered.</returns>
    public CoapDeferral? Defer()
    {
        CoapDeferral? deferral = _server.Defer(this);
        IsDeferred = deferral is not null;
        if (deferral is null)
            Answer(CoapCode.ServiceUnavailable);
        return deferral;
    }

    internal void Reset(CoapPeer peer, long now)
    {
        Peer = peer;
        Now = now;
        PathSegments = 0;
        IsDeferred = false;
        _writer.Reset();
    }
}
