using IotPsk.Net.Reactor;

namespace IotPsk.Net.Datagrams;

/// <summary>
/// A datagram on its way to the shard that its connection id names. They are few where the kernel steers datagrams by that
/// id, and never more than <see cref="HandOverPool.Most"/> for a shard.
/// </summary>
internal sealed class HandOver(HandOverPool pool) : LoopWork
{
    private readonly byte[] _datagram = new byte[DatagramEndpoint.LargestDatagram];
    private int _length;
    private PeerAddress _source;

    internal void Fill(ReadOnlySpan<byte> datagram, in PeerAddress source)
    {
        datagram.CopyTo(_datagram);
        _length = datagram.Length;
        _source = source;
    }

    internal override void Run()
    {
        try
        {
            pool.Owner.Receive(_datagram.AsSpan(0, _length), _source);
        }
        finally
        {
            pool.Return(this);
        }
    }

    internal override void Discard() => pool.Return(this);
}

/// <summary>The buffers for datagrams on their way to one endpoint; other shards take, its own gives back.</summary>
internal sealed class HandOverPool(DatagramEndpoint owner)
{
    /// <summary>Datagrams on their way at once. More are dropped: a sender who only guesses ids costs one megabyte a shard.</summary>
    internal const int Most = 256;

    private readonly Stack<HandOver> _free = [];
    private readonly Lock _gate = new();
    private int _made;

    internal DatagramEndpoint Owner { get; } = owner;

    internal HandOver? Take()
    {
        lock (_gate)
        {
            if (_free.TryPop(out var handOver)) return handOver;
            return _made++ < Most ? new HandOver(this) : Exhausted();
        }
    }

    internal void Return(HandOver handOver)
    {
        lock (_gate) _free.Push(handOver);
    }

    private HandOver? Exhausted()
    {
        _made = Most;
        return null;
    }
}
