using System.Buffers.Binary;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Coap;

/// <summary>Requests of our own to peers, and their answers (RFC 7252 s5.2, s5.3; RFC 7641).</summary>
public sealed partial class CoapServer
{
    private const int TokenLength = 4;
    private uint _token;

    /// <summary>Asks a peer. One request of ours at a time is under way to it (NSTART is 1); the others wait in line.</summary>
    /// <param name="peer">Whom.</param>
    /// <param name="content">What.</param>
    /// <param name="listener">Hears the answer, once for each request at most unless it observes.</param>
    /// <param name="now">The time, in milliseconds of the owner's clock.</param>
    /// <returns>The request; null if the peer is gone or too many wait for it.</returns>
    /// <exception cref="ArgumentException">The method is none, the path is none, or it does not fit into a message.</exception>
    public CoapRequest? Ask(CoapPeer peer, CoapRequestContent content, ICoapRequestListener listener, long now)
    {
        ArgumentNullException.ThrowIfNull(peer);
        ArgumentNullException.ThrowIfNull(content);
        ArgumentNullException.ThrowIfNull(listener);
        if (!CoapCodes.IsRequest(content.Method) || (content.Observe && content.Method is not (CoapCode.Get or CoapCode.Fetch)))
            throw new ArgumentException($"{content.Method} is no method, or none that observes (RFC 7641 s2, RFC 8132 s2.4)", nameof(content));
        if (!peer.IsOpen || peer.Requests.Count >= _options.RequestsPerPeer)
            return null;
        byte[] token = new byte[TokenLength];
        BinaryPrimitives.WriteUInt32BigEndian(token, _token++);
        CoapWriter writer = BeginOwn(peer, CoapType.Confirmable, content.Method, token, out ushort messageId);
        Write(writer, content);
        var request = new CoapRequest(peer, token, content.Observe, listener);
        if (!SendOwn(peer, messageId, writer.Length, confirmable: true, now, request))
            return null;
        peer.AddRequest(request);
        return request;
    }

    /// <summary>
    /// Wants no answer any more, and hears none. A peer that still notifies is told by a reset (RFC 7641 s3.6).
    /// </summary>
    /// <param name="request">The request.</param>
    public static void Cancel(CoapRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.IsOver = true;
        request.Peer.RemoveRequest(request);
    }

    private static void Write(CoapWriter writer, CoapRequestContent content)
    {
        if (content.Observe)
            writer.AddOption(CoapOption.Observe, CoapObserve.Register);
        string[] parts = content.Path.Split('?', 2);
        CoapPath.Add(writer, parts[0]);
        if (content.ContentFormat >= 0)
            writer.AddOption(CoapOption.ContentFormat, (uint)content.ContentFormat);
        if (parts.Length == 2)
        {
            foreach (string argument in parts[1].Split('&'))
                writer.AddOption(CoapOption.UriQuery, Uri.UnescapeDataString(argument));
        }
        if (content.Accept >= 0)
            writer.AddOption(CoapOption.Accept, (uint)content.Accept);
        byte[] payload = content.Payload.ToArray();
        writer.WritePayload(payload, 0, payload.Length);
    }

    // A message of ours was acknowledged or reset; true if that proves the peer's path.
    private bool TakeReply(OutgoingMessage message, long now)
    {
        bool proves = message.Path == message.Peer.Path;
        CoapRequest? request = message.Request is { IsOver: false } alive ? alive : null;
        bool isEmpty = _reader.Type == CoapType.Acknowledgement && _reader.Code == CoapCode.Empty;
        if (request is not null && isEmpty)
        {
            // The answer comes later (RFC 7252 s5.2.2).
            Advance(message, now);
            message.IsAcknowledged = true;
            message.Timeout = _options.ResponseTimeout;
            Schedule(message, now);
            return proves;
        }
        End(message, now);
        if (request is null)
            return proves;
        // A piggybacked response of another token answers something else, and this will not be answered.
        if (_reader.Type == CoapType.Acknowledgement && HasToken(request))
            Deliver(request, now);
        else
            Fail(request, CoapRequestFailure.Rejected);
        return proves;
    }

    // A response in a message of its own; true if it answers something sent on the peer's present path.
    private bool TakeSeparate(CoapPeer peer, long now)
    {
        bool confirmable = _reader.Type == CoapType.Confirmable;
        int messageId = _reader.MessageId;
        if (_replies.TryFind(peer, messageId, now, out ReadOnlySpan<byte> before))
        {
            Counters.Duplicates++;
            if (confirmable && !before.IsEmpty)
                _channel.Send(peer, before);
            return false;
        }
        CoapRequest? request = peer.Requests.FirstOrDefault(HasToken);
        if (request is null)
        {
            // Nobody asked for it: rejected if it is confirmable or a notification, else ignored (RFC 7252 s4.2, s4.3, RFC 7641 s3.6).
            Counters.Unmatched++;
            if (confirmable || _reader.FindOption(CoapOption.Observe))
                SendEmpty(peer, CoapType.Reset, messageId);
            return false;
        }
        int length = confirmable ? CoapWriter.WriteEmpty(CoapType.Acknowledgement, messageId, ReplyBuffer, 0) : 0;
        _replies.Add(peer, messageId, now, ReplyBuffer.AsSpan(0, length), mayRunAgain: false);
        if (confirmable)
            _channel.Send(peer, ReplyBuffer.AsSpan(0, length));
        OutgoingMessage message = request.Message!;
        if (message == peer.FirstOutgoing)
            // Its acknowledgement got lost; the response says the same (RFC 7252 s5.2.2).
            End(message, now);
        message.IsOver = true;
        Deliver(request, now);
        return message.Path == peer.Path;
    }

    private bool HasToken(CoapRequest request) => _reader.Buffer.AsSpan(_reader.TokenOffset, _reader.TokenLength).SequenceEqual(request.Token);

    private void Deliver(CoapRequest request, long now)
    {
        if (!request.Take(_reader, now))
            return;
        if (request.IsOver)
            request.Peer.RemoveRequest(request);
        Tell(() => request.Listener.Answered(request, _reader, now));
    }

    private void Fail(CoapRequest request, CoapRequestFailure failure)
    {
        if (request.IsOver)
            return;
        request.IsOver = true;
        request.Peer.RemoveRequest(request);
        Tell(() => request.Listener.Failed(request, failure));
    }

    private void Tell(Action call)
    {
        try
        {
            call();
        }
        // What a listener does wrong is its own matter, not that of everybody on this thread.
        catch (Exception failure)
        {
            Counters.Failures++;
            _options.OnFailure?.Invoke(failure);
        }
    }
}
