using IotPsk.Shared;

namespace IotPsk.Lwm2m.Coap;

/// <summary>Why a request of ours has no answer.</summary>
public enum CoapRequestFailure
{
    /// <summary>The peer rejected it with a reset.</summary>
    Rejected = 0,

    /// <summary>It was not acknowledged, or the answer did not come, in time.</summary>
    TimedOut = 1,

    /// <summary>The association ended.</summary>
    Closed = 2,
}

/// <summary>Hears the answer to a request of ours, on the server's thread.</summary>
public interface ICoapRequestListener
{
    /// <summary>The answer; of an observation the first and every newer one (RFC 7641 s3.2).</summary>
    /// <param name="request">The request.</param>
    /// <param name="response">The response; of use until the call returns.</param>
    /// <param name="now">The time, in milliseconds of the server's clock.</param>
    void Answered(CoapRequest request, CoapReader response, long now);

    /// <summary>There is none, and there will be none.</summary>
    /// <param name="request">The request.</param>
    /// <param name="failure">Why.</param>
    void Failed(CoapRequest request, CoapRequestFailure failure);
}

/// <summary>A request to a peer, and what is known of its answer. Made by <see cref="CoapServer.Ask"/>.</summary>
public sealed class CoapRequest
{
    private int _newest = -1;
    private long _newestAt;

    internal CoapRequest(CoapPeer peer, byte[] token, bool observe, ICoapRequestListener listener)
    {
        Peer = peer;
        Token = token;
        Observes = observe;
        Listener = listener;
    }

    /// <summary>Who is asked.</summary>
    public CoapPeer Peer { get; }

    /// <summary>The peer said that it will notify (RFC 7641 s3.1), and nobody has ended it.</summary>
    public bool IsObserving { get; private set; }

    /// <summary>Nothing comes any more.</summary>
    public bool IsOver { get; internal set; }

    internal byte[] Token { get; }

    internal bool Observes { get; }

    internal ICoapRequestListener Listener { get; }

    internal OutgoingMessage? Message { get; set; }

    /// <summary>Takes note of a response; false if it is an older notification than one before.</summary>
    internal bool Take(CoapReader response, long now)
    {
        uint sequence = 0;
        bool isNotification = Observes && CoapCodes.GetClass(response.Code) == 2 && response.FindOption(CoapOption.Observe) && response.TryGetUInt(out sequence);
        if (!isNotification)
        {
            // Without the option, and with an error, it is the last one (RFC 7641 s3.2, s4.2).
            IsObserving = false;
            IsOver = true;
            return true;
        }
        if (IsObserving && !CoapObserve.IsNewer(_newest, _newestAt, (int)sequence, now))
            return false;
        IsObserving = true;
        _newest = (int)sequence;
        _newestAt = now;
        return true;
    }
}

/// <summary>What a request of ours says.</summary>
public sealed record CoapRequestContent
{
    /// <summary>The method.</summary>
    public required CoapCode Method { get; init; }

    /// <summary>The path, maybe with a query, as <see cref="CoapPath"/> takes it.</summary>
    public required string Path { get; init; }

    /// <summary>Asks for notifications (RFC 7641); with GET and FETCH.</summary>
    public bool Observe { get; init; }

    /// <summary>The format wished for, <see cref="CoapContentFormat"/>; -1 for any.</summary>
    public int Accept { get; init; } = -1;

    /// <summary>The payload's format; -1 for none.</summary>
    public int ContentFormat { get; init; } = -1;

    /// <summary>The payload; it goes in one message.</summary>
    public ReadOnlyMemory<byte> Payload { get; init; }
}
