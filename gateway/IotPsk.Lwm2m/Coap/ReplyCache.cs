using System.Runtime.CompilerServices;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Coap;

/// <summary>
/// The replies to requests that may come again (RFC 7252 s4.5), in bounded memory: so many for a peer, so many in all, the
/// oldest gives way. Entries are rows of one array, linked by number, and an acknowledgement with a token fits into its row; nothing is allocated
/// for a reply of usual length.
/// </summary>
internal sealed class ReplyCache(int capacity, int perPeer, int longBytes, int lifetime)
{
    /// <summary>A longer reply takes an array of its own.</summary>
    internal const int SlotSize = ReplySlots.Size;

    // An empty acknowledgement has 4 bytes, a response without payload at most 12: of these there are many.
    private const int ShortSize = 16;
    private const int None = -1, FirstRows = 256, WalkedAtOnce = 2;

    private Row[] _rows = [];
    private readonly ReplySlots _slots = new(capacity);
    private int _free = None, _oldest = None, _newest = None;
    private long _longBytes;

    /// <summary>How many replies are remembered.</summary>
    internal int Count { get; private set; }

    /// <summary>Memory held, in bytes, but for long replies.</summary>
    internal long Bytes => _slots.Bytes + ((long)_rows.Length * Unsafe.SizeOf<Row>());

    /// <summary>When <see cref="Sweep"/> has something to do; <see cref="long.MaxValue"/> for never.</summary>
    internal long SweepAt { get; private set; } = long.MaxValue;

    /// <summary>
    /// Forgets what is past its lifetime, and gives the memory back once nothing is left. Called seldom: it goes through all
    /// that is past at once.
    /// </summary>
    internal void Sweep(long now)
    {
        if (now < SweepAt)
            return;
        while (_oldest != None && now - _rows[_oldest].At >= lifetime)
            Remove(_oldest);
        SweepAt = _oldest == None ? long.MaxValue : now + lifetime;
        if (_oldest != None)
            return;
        _rows = [];
        _slots.Clear();
        _free = None;
    }

    /// <summary>Finds the reply to a message of a peer; an empty one means that there was none to send.</summary>
    internal bool TryFind(CoapPeer peer, int messageId, long now, out ReadOnlySpan<byte> reply)
    {
        for (int at = peer.NewestReply; at != None && now - _rows[at].At < lifetime; at = _rows[at].OlderOfPeer)
        {
            if (_rows[at].MessageId != messageId)
                continue;
            reply = ReplyOf(at);
            return true;
        }
        reply = default;
        return false;
    }

    /// <summary>
    /// Remembers a reply, or that there is none. What is too long for all there is left is remembered only if the request
    /// must not be run again, and then without its payload.
    /// </summary>
    internal void Add(CoapPeer peer, int messageId, long now, ReadOnlySpan<byte> reply, bool mayRunAgain)
    {
        bool isLong = reply.Length > SlotSize;
        if (isLong && mayRunAgain)
            return;
        for (int i = 0; i < WalkedAtOnce && _oldest != None && now - _rows[_oldest].At >= lifetime; i++)
            Remove(_oldest);
        if (peer.Replies >= perPeer)
            Remove(peer.OldestReply);
        if (_free == None && !TryGrow())
            Remove(_oldest);
        int at = _free;
        ref Row row = ref _rows[at];
        _free = row.OlderOfPeer;
        row.Peer = peer;
        row.MessageId = messageId;
        row.At = now;
        if (isLong && _longBytes + reply.Length > longBytes)
            reply = reply[..(CoapWriter.HeaderLength + (reply[0] & 15))];
        else if (isLong)
        {
            row.Long = reply.ToArray();
            _longBytes += reply.Length;
        }
        if (row.Long is null)
            Keep(at, reply);
        Link(at, peer);
        if (SweepAt == long.MaxValue)
            SweepAt = now + lifetime;
    }

    /// <summary>Sets the reply to a message that had none to send so far; it is cut to what fits a row.</summary>
    /// <returns>False if the message is not known here.</returns>
    internal bool Replace(CoapPeer peer, int messageId, ReadOnlySpan<byte> reply)
    {
        int at = Find(peer, messageId);
        if (at == None || _rows[at].Length > 0 || _rows[at].Long is not null)
            return at != None;
        if (reply.Length > SlotSize)
            reply = reply[..(CoapWriter.HeaderLength + (reply[0] & 15))];
        Keep(at, reply);
        return true;
    }

    /// <summary>Whether a message is known here.</summary>
    internal bool Knows(CoapPeer peer, int messageId) => Find(peer, messageId) != None;

    /// <summary>Forgets a message: when it comes again it is taken as new.</summary>
    internal void Forget(CoapPeer peer, int messageId)
    {
        int at = Find(peer, messageId);
        if (at != None)
            _rows[at].MessageId = None;
    }

    private int Find(CoapPeer peer, int messageId)
    {
        int at = peer.NewestReply;
        while (at != None && _rows[at].MessageId != messageId)
            at = _rows[at].OlderOfPeer;
        return at;
    }

    /// <summary>Forgets everything of a peer.</summary>
    internal void Forget(CoapPeer peer)
    {
        while (peer.OldestReply != None)
            Remove(peer.OldestReply);
    }

    private ReadOnlySpan<byte> ReplyOf(int at)
    {
        ref readonly Row row = ref _rows[at];
        if (row.Long is not null)
            return row.Long;
        return row.Length <= ShortSize ? ((ReadOnlySpan<byte>)row.Short)[..row.Length] : _slots[row.Slot][..row.Length];
    }

    private void Keep(int at, ReadOnlySpan<byte> reply)
    {
        ref Row row = ref _rows[at];
        row.Length = reply.Length;
        if (reply.Length > ShortSize)
            row.Slot = _slots.Take();
        reply.CopyTo(reply.Length > ShortSize ? _slots[row.Slot] : row.Short);
    }

    private bool TryGrow()
    {
        int before = _rows.Length, after = Math.Min(capacity, Math.Max(FirstRows, before * 2));
        if (after <= before)
            return false;
        Array.Resize(ref _rows, after);
        for (int i = after - 1; i >= before; i--)
        {
            _rows[i].OlderOfPeer = _free;
            _free = i;
        }
        return true;
    }

    private void Link(int at, CoapPeer peer)
    {
        ref Row row = ref _rows[at];
        row.OlderOfPeer = peer.NewestReply;
        row.NewerOfPeer = None;
        if (peer.NewestReply != None)
            _rows[peer.NewestReply].NewerOfPeer = at;
        else
            peer.OldestReply = at;
        peer.NewestReply = at;
        peer.Replies++;
        row.Older = _newest;
        row.Newer = None;
        if (_newest != None)
            _rows[_newest].Newer = at;
        else
            _oldest = at;
        _newest = at;
        Count++;
    }

    // Always the oldest of its peer: time and peers' shares are used up from there.
    private void Remove(int at)
    {
        ref Row row = ref _rows[at];
        CoapPeer peer = row.Peer!;
        peer.OldestReply = row.NewerOfPeer;
        if (row.NewerOfPeer != None)
            _rows[row.NewerOfPeer].OlderOfPeer = None;
        else
            peer.NewestReply = None;
        peer.Replies--;
        if (row.Older != None)
            _rows[row.Older].Newer = row.Newer;
        else
            _oldest = row.Newer;
        if (row.Newer != None)
            _rows[row.Newer].Older = row.Older;
        else
            _newest = row.Older;
        _longBytes -= row.Long?.Length ?? 0;
        if (row.Length > ShortSize)
            _slots.GiveBack(row.Slot);
        row = default;
        row.OlderOfPeer = _free;
        _free = at;
        Count--;
    }

    private struct Row
    {
        internal CoapPeer? Peer;
        internal byte[]? Long;
        internal long At;
        internal int Length, Slot, Older, Newer, OlderOfPeer, NewerOfPeer;
        internal int MessageId;
        internal Short Short;
    }

    [InlineArray(ShortSize)]
    private struct Short
    {
        private byte _first;
    }
}
