using System.Text;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Coap;

/// <summary>A request and the answer to it. One object serves all requests of a server, one after another.</summary>
public sealed class CoapExchange
{
    // ETag, Content-Format, Block2, Size2 and the payload marker.
    private const int BlockOverhead = 9 + 3 + 4 + 6 + 1;

    private readonly CoapServer _server;
    private readonly CoapWriter _writer = new();
    private byte[]? _tag;

    internal CoapExchange(CoapServer server, CoapReader request)
    {
        _server = server;
        Request = request;
    }

    /// <summary>Who asks.</summary>
    public CoapPeer Peer { get; private set; } = null!;

    /// <summary>The request.</summary>
    public CoapReader Request { get; }

    /// <summary>What the request brings: its payload, or the whole body if it came in blocks. Valid until the call returns.</summary>
    public ArraySegment<byte> Payload { get; internal set; }

    /// <summary>The time, in milliseconds of the server's clock.</summary>
    public long Now { get; private set; }

    /// <summary>How many Uri-Path options the resource's own path took; those behind them are for the resource to look at.</summary>
    public int PathSegments { get; internal set; }

    internal bool IsAnswered => _writer.Length > 0;

    internal bool IsDeferred { get; private set; }

    /// <summary>Deferred without an acknowledgement.</summary>
    internal bool IsHeld { get; private set; }

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

    /// <summary>
    /// Answers with a body of any length. What does not fit goes in blocks, for which the peer asks one by one with the same
    /// request (RFC 7959 s2.4): the resource has to heed Block2, and is asked anew for each.
    /// </summary>
    /// <param name="code">The code of the response.</param>
    /// <param name="contentFormat">The body's format, <see cref="CoapContentFormat"/>.</param>
    /// <param name="body">The whole body.</param>
    /// <exception cref="ArgumentException">It does not fit, and the request is none that may be asked again.</exception>
    public void Answer(CoapCode code, int contentFormat, byte[] body)
    {
        ArgumentNullException.ThrowIfNull(body);
        if (!TryGetAsked(body.Length, out CoapBlock asked, out bool isAsked))
            return;
        CoapWriter writer = Begin(code);
        if (!isAsked && body.Length + 4 <= writer.Room && body.Length <= CoapBlock.MaxSize)
        {
            writer.AddOption(CoapOption.ContentFormat, (uint)contentFormat);
            writer.WritePayload(body, 0, body.Length);
            return;
        }
        ulong hash = 14695981039346656037;
        foreach (byte b in body)
            hash = (hash ^ b) * 1099511628211;
        WriteBlock(writer, contentFormat, body.Length, hash, asked, (offset, block) => body.AsMemory(offset, block.Length).CopyTo(block));
    }

    /// <summary>Answers with one block of a body that is not in memory as a whole; see <see cref="Answer(CoapCode, int, byte[])"/>.</summary>
    /// <param name="code">The code of the response.</param>
    /// <param name="contentFormat">The body's format, <see cref="CoapContentFormat"/>.</param>
    /// <param name="length">The length of the whole body, in bytes.</param>
    /// <param name="tag">Tells this body from any other at this path.</param>
    /// <param name="read">Reads what stands in the body from an offset on.</param>
    public void AnswerBlock(CoapCode code, int contentFormat, int length, ulong tag, Action<int, Memory<byte>> read)
    {
        ArgumentNullException.ThrowIfNull(read);
        if (TryGetAsked(length, out CoapBlock asked, out _))
            WriteBlock(Begin(code), contentFormat, length, tag, asked, read);
    }

    // False if there is no such block, and that was answered.
    private bool TryGetAsked(int length, out CoapBlock asked, out bool isAsked)
    {
        asked = new CoapBlock(0, false, CoapBlock.MaxSize);
        isAsked = Request.FindOption(CoapOption.Block2);
        bool isThere = !isAsked || (Request.TryGetUInt(out uint value) && CoapBlock.TryRead(value, out asked) && (asked.Number == 0 || asked.Offset < length));
        if (!isThere)
            Answer(CoapCode.BadRequest, "There is no such block.");
        return isThere;
    }

    private void WriteBlock(CoapWriter writer, int contentFormat, int length, ulong tag, CoapBlock asked, Action<int, Memory<byte>> read)
    {
        if (Request.Code is not (CoapCode.Get or CoapCode.Fetch))
            throw new ArgumentException($"an answer of {length} bytes goes in blocks, and {Request.Code} may not be asked again for each", nameof(length));
        // Tells blocks of one body from those of another (RFC 7959 s2.4).
        _tag ??= new byte[8];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(_tag, tag);
        if (asked.Number == 0 && IsKnown(_tag))
        {
            // RFC 7252 s5.9.1.3: the peer has this body already.
            Begin(CoapCode.Valid).AddOption(CoapOption.ETag, _tag, 0, _tag.Length);
            return;
        }
        // The peer's block, in our size if that is smaller.
        int size = Math.Min(asked.Size, CoapBlock.GetSize(writer.Room - BlockOverhead));
        var block = new CoapBlock(asked.Offset / size, asked.Offset + size < length, size);
        byte[] payload = new byte[Math.Min(size, length - block.Offset)];
        read(block.Offset, payload);
        writer.AddOption(CoapOption.ETag, _tag, 0, _tag.Length);
        writer.AddOption(CoapOption.ContentFormat, (uint)contentFormat);
        writer.AddOption(CoapOption.Block2, block.Value);
        writer.AddOption(CoapOption.Size2, (uint)length);
        writer.WritePayload(payload, 0, payload.Length);
    }

    // RFC 7252 s5.10.6.2: a request may name several.
    private bool IsKnown(ReadOnlySpan<byte> tag)
    {
        Request.RewindOptions();
        while (Request.ReadOption())
        {
            if (Request.OptionNumber == CoapOption.ETag && Request.Buffer.AsSpan(Request.OptionOffset, Request.OptionLength).SequenceEqual(tag))
                return true;
        }
        return false;
    }

    /// <summary>Puts the answer off: the peer hears now that the request arrived, and the answer when it is there (RFC 7252 s5.2.2).</summary>
    /// <returns>Where to give the answer; null if the peer has too many open already, and then 5.03 was answered.</returns>
    public CoapDeferral? Defer() => Defer(isHeld: false);

    /// <summary>
    /// Puts the answer and the acknowledgement off: the peer hears nothing until the answer is there, and repeats its request if that takes long. For
    /// answers that come at once or within a second: they cost the peer one message (RFC 7252 s5.2.1).
    /// </summary>
    /// <returns>As <see cref="Defer()"/>.</returns>
    public CoapDeferral? Hold() => Defer(isHeld: true);

    private CoapDeferral? Defer(bool isHeld)
    {
        CoapDeferral? deferral = _server.Defer(this, isHeld);
        IsDeferred = deferral is not null;
        IsHeld = isHeld && IsDeferred;
        if (deferral is null)
            Answer(CoapCode.ServiceUnavailable);
        return deferral;
    }

    internal void Reset(CoapPeer peer, long now)
    {
        Peer = peer;
        Now = now;
        Payload = new ArraySegment<byte>(Request.Buffer, Request.PayloadOffset, Request.PayloadCount);
        PathSegments = 0;
        IsDeferred = false;
        IsHeld = false;
        _writer.Reset();
    }
}
