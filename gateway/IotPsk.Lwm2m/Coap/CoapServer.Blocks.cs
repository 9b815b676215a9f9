using IotPsk.Shared;

namespace IotPsk.Lwm2m.Coap;

/// <summary>Block-wise transfer for resources that heed Block1 or Block2 (RFC 7959).</summary>
public sealed partial class CoapServer
{
    private readonly BlockTransfers _transfers;
    private readonly CoapReader _replyReader = new();
    private readonly CoapWriter _blockWriter = new();
    private byte[]? _blockBuffer;

    /// <summary>The block that the reply has to acknowledge.</summary>
    private uint _block;
    private bool _hasBlock;

    // True if the resource is to be asked: there is no block, or the last one made the body whole.
    private bool TakeBlock(CoapPeer peer, long now)
    {
        _hasBlock = _reader.FindOption(CoapOption.Block1);
        if (!_hasBlock)
            return true;
        if (!_reader.TryGetUInt(out uint value) || !CoapBlock.TryRead(value, out CoapBlock block))
        {
            _hasBlock = false;
            _exchange.Answer(CoapCode.BadRequest, "The block size is reserved.");
            return false;
        }
        _block = value;
        CoapCode code = _transfers.Take(peer, _reader, block, now, out ArraySegment<byte> body);
        if (code == CoapCode.Empty)
        {
            _exchange.Payload = body;
            return true;
        }
        CoapWriter writer = _exchange.Begin(code);
        if (code == CoapCode.RequestEntityTooLarge)
        {
            // Told how much would have been taken (RFC 7959 s2.9.3).
            _hasBlock = false;
            writer.AddOption(CoapOption.Size1, (uint)_options.MaxBody);
        }
        else
            _hasBlock = code == CoapCode.Continue;
        return false;
    }

    // Every answer to a block tells which it answers (RFC 7959 s2.3); resources know nothing of that.
    private int AcknowledgeBlock(int length)
    {
        _blockBuffer ??= new byte[LargestMessage];
        if (_replyReader.Read(ReplyBuffer, 0, length) != CoapFormatError.None || length + 5 > LargestMessage)
            return length;
        _blockWriter.Begin(_blockBuffer, 0, LargestMessage, _replyReader.Type, _replyReader.Code, _replyReader.MessageId, ReplyBuffer, _replyReader.TokenOffset, _replyReader.TokenLength);
        bool isThere = false;
        while (_replyReader.ReadOption())
        {
            if (_replyReader.OptionNumber > CoapOption.Block1 && !isThere)
            {
                _blockWriter.AddOption(CoapOption.Block1, _block);
                isThere = true;
            }
            _blockWriter.AddOption(_replyReader.OptionNumber, ReplyBuffer, _replyReader.OptionOffset, _replyReader.OptionLength);
        }
        if (!isThere)
            _blockWriter.AddOption(CoapOption.Block1, _block);
        _blockWriter.WritePayload(ReplyBuffer, _replyReader.PayloadOffset, _replyReader.PayloadCount);
        _blockBuffer.AsSpan(0, _blockWriter.Length).CopyTo(ReplyBuffer);
        return _blockWriter.Length;
    }
}
