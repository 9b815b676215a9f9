using IotPsk.Shared;

namespace IotPsk.Lwm2m.Coap;

/// <summary>
/// Bodies of requests that come in blocks (RFC 7959 s2.5), one for each peer at a time, in bounded memory: the one that has
/// waited longest gives way.
/// </summary>
internal sealed class BlockTransfers(int maxBody, int maxTotal, int lifetime)
{
    private readonly LinkedList<BlockTransfer> _byAge = [];
    private long _total;

    /// <summary>Takes a block.</summary>
    /// <param name="peer">Whose it is.</param>
    /// <param name="request">The request with the block in it.</param>
    /// <param name="block">What its option Block1 says.</param>
    /// <param name="now">The time, in milliseconds.</param>
    /// <param name="body">The whole body once the last block is there; valid until the next call.</param>
    /// <returns>2.31 if more is to come, Empty if the body is whole, else the error to answer with.</returns>
    internal CoapCode Take(CoapPeer peer, CoapReader request, CoapBlock block, long now, out ArraySegment<byte> body)
    {
        body = default;
        while (_byAge.First is { } oldest && now - oldest.Value.At >= lifetime)
            Drop(oldest.Value.Peer);
        // Every block but the last is full (RFC 7959 s2.2).
        if (block.More ? request.PayloadCount != block.Size : request.PayloadCount > block.Size)
            return CoapCode.BadRequest;
        if (block.Number == 0)
        {
            Drop(peer);
            bool isTooLong = request.FindOption(CoapOption.Size1) && request.TryGetUInt(out uint size) && size > maxBody;
            if (isTooLong)
                return CoapCode.RequestEntityTooLarge;
            peer.Transfer = new BlockTransfer(peer, Key(request));
            peer.Transfer.Node = _byAge.AddLast(peer.Transfer);
            _total += peer.Transfer.Size;
        }
        BlockTransfer? transfer = peer.Transfer;
        if (transfer is null || transfer.Length != block.Offset || !Key(request).AsSpan().SequenceEqual(transfer.Key))
            return CoapCode.RequestEntityIncomplete;
        if (transfer.Length + request.PayloadCount > maxBody)
        {
            Drop(peer);
            return CoapCode.RequestEntityTooLarge;
        }
        int before = transfer.Size;
        transfer.Append(request.Buffer.AsSpan(request.PayloadOffset, request.PayloadCount), now);
        _total += transfer.Size - before;
        _byAge.Remove(transfer.Node!);
        _byAge.AddLast(transfer.Node!);
        while (_total > maxTotal && _byAge.First!.Value != transfer)
            Drop(_byAge.First.Value.Peer);
        if (block.More)
            return CoapCode.Continue;
        body = transfer.Body;
        Drop(peer);
        return CoapCode.Empty;
    }

    /// <summary>Forgets what a peer has begun.</summary>
    internal void Drop(CoapPeer peer)
    {
        if (peer.Transfer is not { } transfer)
            return;
        _byAge.Remove(transfer.Node!);
        _total -= transfer.Size;
        peer.Transfer = null;
        peer.Tidy();
    }

    // Blocks of one body have the same method and options, but for those that are no part of a cache key (RFC 7959 s2.5).
    private static byte[] Key(CoapReader request)
    {
        var key = new MemoryStream();
        key.WriteByte((byte)request.Code);
        request.RewindOptions();
        while (request.ReadOption())
        {
            int number = request.OptionNumber;
            if (number is CoapOption.Block1 or CoapOption.Block2 || CoapOption.IsNoCacheKey(number))
                continue;
            key.Write(BitConverter.GetBytes((number << 16) | request.OptionLength));
            key.Write(request.Buffer, request.OptionOffset, request.OptionLength);
        }
        return key.ToArray();
    }
}

/// <summary>A body that is not whole yet.</summary>
internal sealed class BlockTransfer(CoapPeer peer, byte[] key)
{
    private byte[] _bytes = [];

    internal CoapPeer Peer { get; } = peer;

    internal byte[] Key { get; } = key;

    internal LinkedListNode<BlockTransfer>? Node { get; set; }

    internal long At { get; private set; } = long.MaxValue;

    internal int Length { get; private set; }

    /// <summary>Memory held, in bytes: options may be longer than the body.</summary>
    internal int Size => _bytes.Length + Key.Length;

    internal ArraySegment<byte> Body => new(_bytes, 0, Length);

    internal void Append(ReadOnlySpan<byte> block, long now)
    {
        At = now;
        if (Length + block.Length > _bytes.Length)
            Array.Resize(ref _bytes, Math.Max(Length + block.Length, _bytes.Length * 2));
        block.CopyTo(_bytes.AsSpan(Length));
        Length += block.Length;
    }
}
