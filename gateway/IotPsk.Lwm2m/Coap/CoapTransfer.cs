using System.Buffers;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Coap;

/// <summary>A whole answer, put together.</summary>
public sealed record CoapAnswer
{
    /// <summary>The code of the response.</summary>
    public required CoapCode Code { get; init; }

    /// <summary>The body's format, <see cref="CoapContentFormat"/>; -1 if it is not told.</summary>
    public int ContentFormat { get; init; } = -1;

    /// <summary>The body.</summary>
    public byte[] Body { get; init; } = [];

    /// <summary>Its entity tag; null if it has none.</summary>
    public byte[]? ETag { get; init; }

    /// <summary>The value of the option Observe: the peer will notify (RFC 7641 s3.1); -1 if it will not.</summary>
    public int Observe { get; init; } = -1;

    /// <summary>Where something was made, for example <c>/3/1</c>; null if it is not told.</summary>
    public string? Location { get; init; }
}

/// <summary>Hears how a transfer ends, on the server's thread, once: one of the two is called.</summary>
public interface ICoapTransferListener
{
    /// <summary>The answer is there.</summary>
    /// <param name="transfer">The transfer.</param>
    /// <param name="answer">The answer.</param>
    /// <param name="now">The time, in milliseconds of the server's clock.</param>
    void Completed(CoapTransfer transfer, CoapAnswer answer, long now);

    /// <summary>The peer has taken or given a block, and there are more.</summary>
    /// <param name="transfer">The transfer.</param>
    void Progressed(CoapTransfer transfer) { }

    /// <summary>There is none.</summary>
    /// <param name="transfer">The transfer.</param>
    /// <param name="failure">Why.</param>
    void Failed(CoapTransfer transfer, CoapRequestFailure failure);
}

/// <summary>
/// A request of any length with an answer of any length: what does not fit into a message goes in blocks, both ways (RFC 7959). One message of it
/// is under way at a time.
/// </summary>
public sealed class CoapTransfer : ICoapRequestListener
{
    // Header, token, and options of usual paths beside the payload of a block.
    private const int Overhead = 96;

    private readonly CoapServer _server;
    private readonly CoapRequestContent _content;
    private readonly ICoapTransferListener _listener;
    private readonly int _maxBody;
    private CoapRequest? _request;
    private ArrayBufferWriter<byte>? _body;
    private CoapAnswer? _first;
    private int _sent, _size;
    private bool _isRestarted;

    /// <summary>A transfer that has not begun.</summary>
    /// <param name="server">Who asks.</param>
    /// <param name="peer">Whom.</param>
    /// <param name="content">What; the payload may have any length.</param>
    /// <param name="listener">Hears the end.</param>
    /// <param name="maxBody">The longest answer that is taken, in bytes.</param>
    public CoapTransfer(CoapServer server, CoapPeer peer, CoapRequestContent content, ICoapTransferListener listener, int maxBody)
    {
        ArgumentNullException.ThrowIfNull(server);
        ArgumentNullException.ThrowIfNull(peer);
        ArgumentNullException.ThrowIfNull(content);
        ArgumentNullException.ThrowIfNull(listener);
        _server = server;
        Peer = peer;
        _content = content;
        _listener = listener;
        _maxBody = maxBody;
        _size = CoapBlock.GetSize(Math.Max(_server.GetRoom(peer) - Overhead, CoapBlock.MinSize));
    }

    /// <summary>Who is asked.</summary>
    public CoapPeer Peer { get; }

    /// <summary>The listener heard the end, or <see cref="Cancel"/> was called.</summary>
    public bool IsOver { get; private set; }

    /// <summary>The peer has shown that it has the request, or some of it.</summary>
    public bool WasHeard { get; private set; }

    /// <summary>Begins.</summary>
    /// <param name="now">The time, in milliseconds of the server's clock.</param>
    /// <exception cref="ArgumentException">The request is none; see <see cref="CoapServer.Ask"/>.</exception>
    public void Start(long now)
    {
        if (_content.Payload.Length > _size)
            SendBlock(now);
        else
            Send(_content, now);
    }

    /// <summary>Goes on with an answer whose first block came unasked: a notification (RFC 7959 s2.6).</summary>
    /// <param name="first">The first block.</param>
    /// <param name="now">The time, in milliseconds of the server's clock.</param>
    public void Continue(CoapReader first, long now)
    {
        // A body that goes in blocks itself is not repeated with each block of the answer: all of it is asked for anew.
        if (_content.Payload.Length > _size)
            Start(now);
        else
            TakeResponse(first, now);
    }

    /// <summary>Stops; the listener hears nothing.</summary>
    /// <param name="now">The time, in milliseconds of the server's clock.</param>
    public void Cancel(long now)
    {
        IsOver = true;
        if (_request is { } request)
            _server.Cancel(request, now);
    }

    void ICoapRequestListener.Answered(CoapRequest request, CoapReader response, long now)
    {
        WasHeard = true;
        _listener.Progressed(this);
        bool hasBlock = TryGetBlock(response, CoapOption.Block1, out CoapBlock block);
        try
        {
            if (!TakeAcknowledgement(response.Code, hasBlock, block, now))
                TakeResponse(response, now);
        }
        catch (ArgumentException)
        {
            // With the options of a further block it does not fit into a message.
            Fail(CoapRequestFailure.Rejected);
        }
    }

    void ICoapRequestListener.Failed(CoapRequest request, CoapRequestFailure failure)
    {
        WasHeard |= request.IsAcknowledged;
        Fail(failure);
    }

    // True if there is more of the request to send.
    private bool TakeAcknowledgement(CoapCode code, bool hasBlock, CoapBlock block, long now)
    {
        int length = Math.Min(_size, _content.Payload.Length - _sent);
        if (code == CoapCode.Continue && _sent + length < _content.Payload.Length)
        {
            _sent += length;
            // The peer may want smaller ones from here on (RFC 7959 s2.3); larger ones never.
            if (hasBlock && block.Size < _size)
                _size = block.Size;
            SendBlock(now);
            return true;
        }
        bool isTooLarge = code == CoapCode.RequestEntityTooLarge && hasBlock && block.Size < _size && _sent == 0 && _content.Payload.Length > block.Size;
        bool isLost = code == CoapCode.RequestEntityIncomplete && !_isRestarted && _content.Payload.Length > _size;
        if (!isTooLarge && !isLost)
            return false;
        // RFC 7959 s2.9.3: once more in its size; s2.9.2: once more from the start.
        _isRestarted |= isLost;
        _size = isTooLarge ? block.Size : _size;
        _sent = 0;
        SendBlock(now);
        return true;
    }

    private void SendBlock(long now)
    {
        int length = Math.Min(_size, _content.Payload.Length - _sent);
        var block = new CoapBlock(_sent / _size, _sent + length < _content.Payload.Length, _size);
        // Blocks of one request have the same options (RFC 7959 s2.5), Observe and its token too.
        Send(_content with
        {
            Payload = _content.Payload.Slice(_sent, length),
            Block1 = block.Value,
            Size1 = _sent == 0 ? (uint)_content.Payload.Length : null,
        }, now);
    }

    private void TakeResponse(CoapReader response, long now)
    {
        bool hasBlock = TryGetBlock(response, CoapOption.Block2, out CoapBlock block);
        if (response.Code == CoapCode.Continue)
        {
            // There is nothing to go on with (RFC 7959 s2.9.1).
            Fail(CoapRequestFailure.Rejected);
            return;
        }
        if (_first is null)
        {
            if (!hasBlock || (block.Number == 0 && !block.More))
            {
                End(Read(response, response.Buffer.AsSpan(response.PayloadOffset, response.PayloadCount).ToArray()), now);
                return;
            }
            _first = Read(response, []);
            _body = new ArrayBufferWriter<byte>();
        }
        bool isNext = hasBlock && response.Code == _first.Code && block.Offset == _body!.WrittenCount && (!block.More || response.PayloadCount == block.Size);
        bool isSame = isNext && GetTag(response).AsSpan().SequenceEqual(_first.ETag);
        if (!isNext || !isSame || _body!.WrittenCount + response.PayloadCount > _maxBody)
        {
            // RFC 7959 s2.4: another tag is another body, and blocks of two are none.
            Fail(CoapRequestFailure.Rejected);
            return;
        }
        _body.Write(response.Buffer.AsSpan(response.PayloadOffset, response.PayloadCount));
        if (!block.More)
        {
            End(_first with { Body = _body.WrittenSpan.ToArray() }, now);
            return;
        }
        // The same again for each further block, and that is no observation (RFC 7959 s2.4, s3.4); a body that went in blocks is known (s3.3).
        bool repeatsBody = _content.Method is CoapCode.Fetch && _content.Payload.Length <= _size;
        Send(_content with
        {
            Observe = -1,
            Token = null,
            Block2 = new CoapBlock((block.Offset + block.Size) / block.Size, false, block.Size).Value,
            Payload = repeatsBody ? _content.Payload : default,
            ContentFormat = repeatsBody ? _content.ContentFormat : -1,
        }, now);
    }

    private void Send(CoapRequestContent content, long now)
    {
        _request = _server.Ask(Peer, content, this, now);
        if (_request is null)
            Fail(Peer.IsOpen ? CoapRequestFailure.TimedOut : CoapRequestFailure.Closed);
    }

    private void End(CoapAnswer answer, long now)
    {
        if (IsOver)
            return;
        IsOver = true;
        _listener.Completed(this, answer, now);
    }

    private void Fail(CoapRequestFailure failure)
    {
        if (IsOver)
            return;
        IsOver = true;
        _listener.Failed(this, failure);
    }

    private static bool TryGetBlock(CoapReader message, int option, out CoapBlock block)
    {
        block = default;
        return message.FindOption(option) && message.TryGetUInt(out uint value) && CoapBlock.TryRead(value, out block);
    }

    private static byte[] GetTag(CoapReader message) =>
        message.FindOption(CoapOption.ETag) ? message.Buffer.AsSpan(message.OptionOffset, message.OptionLength).ToArray() : [];

    private static CoapAnswer Read(CoapReader response, byte[] body) => new()
    {
        Code = response.Code,
        Body = body,
        ContentFormat = GetNumber(response, CoapOption.ContentFormat),
        Observe = CoapCodes.GetClass(response.Code) == 2 ? GetNumber(response, CoapOption.Observe) : -1,
        ETag = GetTag(response),
        Location = response.FindOption(CoapOption.LocationPath) ? CoapPath.FormatLocation(response) : null,
    };

    private static int GetNumber(CoapReader message, int option) => message.FindOption(option) && message.TryGetUInt(out uint value) ? (int)value : -1;
}
