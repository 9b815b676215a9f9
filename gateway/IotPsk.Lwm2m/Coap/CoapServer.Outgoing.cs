using System.Security.Cryptography;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Coap;

/// <summary>Messages of our own: sent again until they are acknowledged, one at a time to a peer (RFC 7252 s4.2, s4.7).</summary>
public sealed partial class CoapServer
{
    // Late answers to messages of before are no guesses; more than these are.
    private const int MaxWrongAnswers = 8;

    // Not the buffer of replies: a resource may send while its own answer is half written.
    private readonly byte[] _ownBuffer = new byte[LargestMessage];
    private readonly CoapWriter _ownWriter = new();
    private readonly PriorityQueue<OutgoingMessage, long> _timers = new();

    /// <summary>When <see cref="Tick"/> has to be called, in milliseconds of the owner's clock; <see cref="long.MaxValue"/> if there is nothing to wait for.</summary>
    public long Deadline => Math.Min(OutgoingDeadline, _replies.SweepAt);

    internal long OutgoingDeadline
    {
        get
        {
            while (_timers.TryPeek(out OutgoingMessage? message, out long due))
            {
                if (!message.IsOver && message.Due == due)
                    return due;
                _timers.Dequeue();
            }
            return long.MaxValue;
        }
    }

    /// <summary>Sends again what was not acknowledged in time, or gives it up; forgets replies that nobody can ask for again.</summary>
    /// <param name="now">The time, in milliseconds of the owner's clock.</param>
    public void Tick(long now)
    {
        _replies.Sweep(now);
        while (OutgoingDeadline <= now)
        {
            OutgoingMessage message = _timers.Dequeue();
            if (message.IsAcknowledged || message.Retransmissions == _options.MaxRetransmit)
            {
                GiveUp(message, now);
                continue;
            }
            Counters.Retransmissions++;
            message.Retransmissions++;
            message.Timeout *= 2;
            Schedule(message, now);
            _channel.Send(message.Peer, message.Bytes);
        }
    }

    /// <summary>
    /// Asks a peer for a sign of life: two pings, one after the other, that it answers by a reset each (RFC 7252 s4.3). They wait for no other
    /// message, and a later probe replaces an earlier one. Their message ids cannot be guessed, and guessing ends the probe: a peer that names
    /// somebody else's address as its own does not see them (RFC 9146 s6).
    /// </summary>
    /// <param name="peer">The peer.</param>
    /// <param name="now">The time, in milliseconds of the owner's clock.</param>
    /// <returns>False if the peer is gone.</returns>
    public bool Probe(CoapPeer peer, long now)
    {
        ArgumentNullException.ThrowIfNull(peer);
        if (!peer.IsOpen)
            return false;
        if (peer.Probe is { } before)
            before.IsOver = true;
        Ping(peer, null, now);
        return true;
    }

    // Two ids of 16 bits each, so that nobody answers both without having seen them.
    private void Ping(CoapPeer peer, OutgoingMessage? first, long now)
    {
        byte[] ping = new byte[CoapWriter.HeaderLength];
        ushort messageId;
        do
            messageId = (ushort)RandomNumberGenerator.GetInt32(0x10000);
        while (messageId == first?.MessageId || messageId == peer.FirstOutgoing?.MessageId);
        CoapWriter.WriteEmpty(CoapType.Confirmable, messageId, ping, 0);
        peer.Probe = new OutgoingMessage(peer, messageId, ping) { IsSecondPing = first is not null, WrongAnswers = first?.WrongAnswers ?? 0 };
        Start(peer.Probe, now);
    }

    // True if the second ping came back too, on the path that both were sent on.
    private bool TakePong(OutgoingMessage ping, long now)
    {
        bool isHere = ping.Path == ping.Peer.Path;
        End(ping, now);
        if (isHere && !ping.IsSecondPing)
            Ping(ping.Peer, ping, now);
        return isHere && ping.IsSecondPing;
    }

    /// <summary>
    /// Sends at once again what a peer has not acknowledged: it was just heard, and may sleep again before the next repetition is due.
    /// </summary>
    /// <param name="peer">The peer.</param>
    public void Hurry(CoapPeer peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        if (peer.FirstOutgoing is { IsOver: false, Retransmissions: > 0 } message)
            _channel.Send(peer, message.Bytes);
    }

    internal CoapDeferral? Defer(CoapExchange exchange, bool isHeld)
    {
        if (exchange.Peer.Deferrals >= _options.DeferralsPerPeer)
            return null;
        exchange.Peer.Deferrals++;
        return new CoapDeferral(this, exchange, _hasBlock ? _block : null, isHeld);
    }

    internal CoapWriter BeginHeld(CoapPeer peer, int messageId, CoapCode code, byte[] token)
    {
        _ownWriter.Begin(_ownBuffer, 0, GetRoom(peer), CoapType.Acknowledgement, code, messageId, token, 0, token.Length);
        return _ownWriter;
    }

    // Null for an empty acknowledgement.
    internal bool SendHeld(CoapPeer peer, int messageId, int? length, long now)
    {
        if (!peer.IsOpen)
            return false;
        ReadOnlySpan<byte> reply = _ownBuffer.AsSpan(0, length ?? CoapWriter.WriteEmpty(CoapType.Acknowledgement, messageId, _ownBuffer, 0));
        // An answer that is given before its request was put away is the first to be remembered.
        if (!_replies.Replace(peer, messageId, reply))
            _replies.Add(peer, messageId, now, reply, mayRunAgain: false);
        _channel.Send(peer, reply);
        return true;
    }

    internal void Forget(CoapPeer peer, int messageId)
    {
        if (peer.IsOpen)
            _replies.Forget(peer, messageId);
    }

    internal CoapWriter BeginOwn(CoapPeer peer, CoapType type, CoapCode code, byte[] token, out ushort messageId)
    {
        messageId = peer.NextMessageId();
        _ownWriter.Begin(_ownBuffer, 0, GetRoom(peer), type, code, messageId, token, 0, token.Length);
        return _ownWriter;
    }

    internal bool SendOwn(CoapPeer peer, ushort messageId, int length, bool confirmable, long now, CoapRequest? request = null)
    {
        if (!peer.IsOpen)
            return false;
        if (!confirmable)
        {
            _channel.Send(peer, _ownBuffer.AsSpan(0, length));
            return true;
        }
        var message = new OutgoingMessage(peer, messageId, _ownBuffer.AsSpan(0, length).ToArray()) { Request = request };
        if (request is not null)
            request.Message = message;
        if (peer.FirstOutgoing is null)
        {
            peer.FirstOutgoing = message;
            Start(message, now);
            return true;
        }
        int waiting = 1;
        OutgoingMessage last = peer.FirstOutgoing;
        for (; last.Next is not null; last = last.Next)
            waiting++;
        if (waiting > _options.QueuedPerPeer)
            return false;
        last.Next = message;
        return true;
    }

    // An acknowledgement, a reset or a response.
    private bool TakeAnswer(CoapPeer peer, long now)
    {
        if (_reader.Type is CoapType.Confirmable or CoapType.NonConfirmable)
            return TakeSeparate(peer, now);
        int messageId = _reader.MessageId;
        OutgoingMessage? answered = peer.Probe?.MessageId == messageId ? peer.Probe : peer.FirstOutgoing?.MessageId == messageId ? peer.FirstOutgoing : null;
        if (answered is not null)
            return answered == peer.Probe ? TakePong(answered, now) : TakeReply(answered, now);
        Counters.Unmatched++;
        if (peer.Probe is { } probe && ++probe.WrongAnswers > MaxWrongAnswers)
            End(probe, now);
        return false;
    }

    private void Start(OutgoingMessage message, long now)
    {
        // ACK_TIMEOUT to ACK_TIMEOUT * ACK_RANDOM_FACTOR (RFC 7252 s4.2).
        message.Path = message.Peer.Path;
        message.Timeout = _options.AckTimeout + _options.Random.Next((_options.AckTimeout / 2) + 1);
        Schedule(message, now);
        _channel.Send(message.Peer, message.Bytes);
    }

    private void Schedule(OutgoingMessage message, long now)
    {
        message.Due = now + message.Timeout;
        _timers.Enqueue(message, message.Due);
    }

    private void GiveUp(OutgoingMessage message, long now)
    {
        if (message.IsAcknowledged)
            message.IsOver = true;
        else
        {
            Counters.Unacknowledged++;
            End(message, now);
        }
        if (message.Request is { } request)
            Fail(request, CoapRequestFailure.TimedOut);
    }

    private void End(OutgoingMessage message, long now)
    {
        message.IsOver = true;
        Advance(message, now);
    }

    // The next in line may go.
    private void Advance(OutgoingMessage message, long now)
    {
        CoapPeer peer = message.Peer;
        if (message == peer.Probe)
            peer.Probe = null;
        else
        {
            // Those cancelled while they waited are passed over.
            OutgoingMessage? next = message.Next;
            while (next is { IsOver: true })
                next = next.Next;
            peer.FirstOutgoing = next;
            if (next is not null)
                Start(next, now);
        }
        peer.Tidy();
    }

    private static void DropOutgoing(CoapPeer peer)
    {
        for (OutgoingMessage? message = peer.FirstOutgoing; message is not null; message = message.Next)
            message.IsOver = true;
        if (peer.Probe is { } probe)
            probe.IsOver = true;
        if (peer.FirstOutgoing is not null)
            peer.FirstOutgoing = null;
        if (peer.Probe is not null)
            peer.Probe = null;
        peer.Tidy();
    }
}
