using System.Security.Cryptography;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Coap;

/// <summary>Requests of our own to peers, and their answers (RFC 7252 s5.2, s5.3; RFC 7641).</summary>
public sealed partial class CoapServer
{
    private const int TokenLength = 4;

    // The message that is being delivered, if its acknowledgement can be put off.
    private CoapAcknowledgement? _holdable;

    /// <summary>Asks a peer. One request of ours at a time is under way to it (NSTART is 1); the others wait in line.</summary>
    /// <param name="peer">Whom.</param>
    /// <param name="content">What.</param>
    /// <param name="listener">Hears the answer.</param>
    /// <param name="now">The time, in milliseconds of the owner's clock.</param>
    /// <returns>The request; null if the peer is gone or too many wait for it.</returns>
    /// <exception cref="ArgumentException">The method is none, the path is none, or it does not fit into a message.</exception>
    public CoapRequest? Ask(CoapPeer peer, CoapRequestContent content, ICoapRequestListener listener, long now)
    {
        ArgumentNullException.ThrowIfNull(peer);
        ArgumentNullException.ThrowIfNull(content);
        ArgumentNullException.ThrowIfNull(listener);
        if (!CoapCodes.IsRequest(content.Method) || (content.Observe >= 0 && content.Method is not (CoapCode.Get or CoapCode.Fetch)))
            throw new ArgumentException($"{content.Method} is no method, or none that observes (RFC 7641 s2, RFC 8132 s2.4)", nameof(content));
        if (content.Token is { } given && (given.Length is TokenLength or > CoapWriter.MaxTokenLength))
            throw new ArgumentException("a token has 8 bytes at most, and one that is not made here has another length than those that are", nameof(content));
        if (!peer.IsOpen || peer.Requests.Count >= _options.RequestsPerPeer)
            return null;
        byte[] token = content.Token ?? NewToken(peer);
        CoapWriter writer = BeginOwn(peer, CoapType.Confirmable, content.Method, token, out ushort messageId);
        Write(writer, content);
        var request = new CoapRequest(peer, token, listener) { IsTokenKnown = content.Token is not null };
        if (!SendOwn(peer, messageId, writer.Length, confirmable: true, now, request))
            return null;
        peer.AddRequest(request);
        return request;
    }

    /// <summary>Wants no answer any more, and hears none; what is not acknowledged yet is not sent again.</summary>
    /// <param name="request">The request.</param>
    /// <param name="now">The time, in milliseconds of the owner's clock.</param>
    public void Cancel(CoapRequest request, long now)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.IsOver)
            return;
        request.IsOver = true;
        request.Peer.RemoveRequest(request);
        OutgoingMessage message = request.Message!;
        if (message == request.Peer.FirstOutgoing)
            End(message, now);
        message.IsOver = true;
    }

    /// <summary>
    /// Puts off the acknowledgement of the message that is being delivered: to be called inside <see cref="ICoapRequestListener.Answered"/> or
    /// <see cref="ICoapNotifications.Take"/>. Until it is given, repetitions of the message are ignored.
    /// </summary>
    /// <returns>The acknowledgement; null if the message needs none.</returns>
    public CoapAcknowledgement? HoldAcknowledgement()
    {
        if (_holdable is { } acknowledgement)
            acknowledgement.IsHeld = true;
        return _holdable;
    }

    // Random, so that who has it can but have read it where it was sent to (RFC 7252 s5.3.1, RFC 9146 s6).
    private static byte[] NewToken(CoapPeer peer)
    {
        byte[] token = new byte[TokenLength];
        do
            RandomNumberGenerator.Fill(token);
        while (peer.Requests.Any(request => request.Token.AsSpan().SequenceEqual(token)));
        return token;
    }

    // Whether the answer shows that the peer is where the request went: message ids follow one another, and tokens of observations stay the same.
    private static bool Proves(OutgoingMessage message) => message.Request is { IsTokenKnown: false } && message.Path == message.Peer.Path;

    private static void Write(CoapWriter writer, CoapRequestContent content)
    {
        if (content.Observe >= 0)
            writer.AddOption(CoapOption.Observe, (uint)content.Observe);
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
        AddUnsigned(writer, CoapOption.Block2, content.Block2);
        AddUnsigned(writer, CoapOption.Block1, content.Block1);
        AddUnsigned(writer, CoapOption.Size1, content.Size1);
        byte[] payload = content.Payload.ToArray();
        writer.WritePayload(payload, 0, payload.Length);
    }

    private static void AddUnsigned(CoapWriter writer, int option, uint? value)
    {
        if (value is { } number)
            writer.AddOption(option, number);
    }

    // A message of ours was acknowledged or reset; true if that proves the peer's path.
    private bool TakeReply(OutgoingMessage message, long now)
    {
        CoapRequest? request = message.Request is { IsOver: false } alive ? alive : null;
        bool isEmpty = _reader.Type == CoapType.Acknowledgement && _reader.Code == CoapCode.Empty;
        if (request is not null && isEmpty)
        {
            // The answer comes later (RFC 7252 s5.2.2).
            Advance(message, now);
            message.IsAcknowledged = true;
            message.Timeout = _options.ResponseTimeout;
            Schedule(message, now);
            return false;
        }
        End(message, now);
        if (request is null)
            return false;
        // A piggybacked response of another token answers something else, and this will not be answered.
        bool isAnswer = _reader.Type == CoapType.Acknowledgement && HasToken(request);
        if (isAnswer)
            Deliver(request, now);
        else
            Fail(request, CoapRequestFailure.Rejected);
        return isAnswer && Proves(message);
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
        _holdable = confirmable ? new CoapAcknowledgement(this, peer, messageId, now) : null;
        // From here on a repetition is ignored, until there is something to repeat.
        _replies.Add(peer, messageId, now, default, mayRunAgain: false);
        CoapRequest? request = peer.Requests.FirstOrDefault(HasToken);
        bool wanted = request is not null || IsNotification(peer, now);
        bool proves = request?.Message is { } message && Proves(message);
        if (request is not null)
            DeliverSeparate(request, now);
        CoapAcknowledgement? acknowledgement = _holdable;
        _holdable = null;
        if (!wanted)
            Reject(peer, messageId, confirmable);
        else if (acknowledgement is { IsHeld: false })
            acknowledgement.Give();
        return proves;
    }

    private void DeliverSeparate(CoapRequest request, long now)
    {
        OutgoingMessage message = request.Message!;
        if (message == request.Peer.FirstOutgoing)
            // Its acknowledgement got lost; the response says the same (RFC 7252 s5.2.2).
            End(message, now);
        message.IsOver = true;
        Deliver(request, now);
    }

    private bool IsNotification(CoapPeer peer, long now)
    {
        bool isTaken = false;
        if (_options.Notifications is { } notifications)
            Tell(() => isTaken = notifications.Take(peer, _reader, now));
        return isTaken;
    }

    // Nobody asked for it: rejected if it is confirmable or a notification, else ignored (RFC 7252 s4.2, s4.3, RFC 7641 s3.6).
    private void Reject(CoapPeer peer, int messageId, bool confirmable)
    {
        Counters.Unmatched++;
        _replies.Forget(peer, messageId);
        if (confirmable || _reader.FindOption(CoapOption.Observe))
            SendEmpty(peer, CoapType.Reset, messageId);
    }

    private bool HasToken(CoapRequest request) => _reader.Buffer.AsSpan(_reader.TokenOffset, _reader.TokenLength).SequenceEqual(request.Token);

    private void Deliver(CoapRequest request, long now)
    {
        request.IsOver = true;
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
