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

/// <summary>Hears the answer to a request of ours, on the server's thread, once: one of the two is called.</summary>
public interface ICoapRequestListener
{
    /// <summary>The answer, which may be a first notification (RFC 7641 s3.1).</summary>
    /// <param name="request">The request.</param>
    /// <param name="response">The response; of use until the call returns.</param>
    /// <param name="now">The time, in milliseconds of the server's clock.</param>
    void Answered(CoapRequest request, CoapReader response, long now);

    /// <summary>There is none, and there will be none.</summary>
    /// <param name="request">The request.</param>
    /// <param name="failure">Why.</param>
    void Failed(CoapRequest request, CoapRequestFailure failure);
}

/// <summary>A request to a peer that is not answered yet. Made by <see cref="CoapServer.Ask"/>.</summary>
public sealed class CoapRequest
{
    internal CoapRequest(CoapPeer peer, byte[] token, ICoapRequestListener listener)
    {
        Peer = peer;
        Token = token;
        Listener = listener;
    }

    /// <summary>Who is asked.</summary>
    public CoapPeer Peer { get; }

    /// <summary>Nothing comes any more.</summary>
    public bool IsOver { get; internal set; }

    /// <summary>The peer has the request, whatever becomes of the answer.</summary>
    public bool IsAcknowledged => Message is { IsAcknowledged: true };

    internal byte[] Token { get; }

    /// <summary>The peer knew the token before: it is that of an observation.</summary>
    internal bool IsTokenKnown { get; init; }

    internal ICoapRequestListener Listener { get; }

    internal OutgoingMessage? Message { get; set; }
}

/// <summary>What a request of ours says.</summary>
public sealed record CoapRequestContent
{
    /// <summary>The method.</summary>
    public required CoapCode Method { get; init; }

    /// <summary>The path, maybe with a query, as <see cref="CoapPath"/> takes it.</summary>
    public required string Path { get; init; }

    /// <summary>The value of the option Observe, <see cref="CoapObserve"/>: asks for notifications, or for no more; with GET and FETCH. -1 for none.</summary>
    public int Observe { get; init; } = -1;

    /// <summary>The token, of 8 bytes at most but not 4; null for a new one, which has 4.</summary>
    public byte[]? Token { get; init; }

    /// <summary>The value of the option Block1 (RFC 7959): which block of the body the payload is; null for none.</summary>
    public uint? Block1 { get; init; }

    /// <summary>The value of the option Block2: which block of the answer is wanted; null for none.</summary>
    public uint? Block2 { get; init; }

    /// <summary>The value of the option Size1: how long the body is; null for none.</summary>
    public uint? Size1 { get; init; }

    /// <summary>The format wished for, <see cref="CoapContentFormat"/>; -1 for any.</summary>
    public int Accept { get; init; } = -1;

    /// <summary>The payload's format; -1 for none.</summary>
    public int ContentFormat { get; init; } = -1;

    /// <summary>The payload; it goes in one message. <see cref="CoapTransfer"/> is for longer ones.</summary>
    public ReadOnlyMemory<byte> Payload { get; init; }
}
