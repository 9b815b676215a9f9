using System.Buffers;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Dtls;

/// <summary>The messages of one flight (RFC 6347 s4.2.4), kept until the peer's answer shows that they came, and how far they are sent.</summary>
internal sealed class Flight : IDisposable
{
    /// <summary>A shorter piece of a message is not worth its header, as long as another datagram can take it.</summary>
    private const int MinFragment = 32;

    private readonly List<Item> _items = new(5);
    private byte[]? _bytes;
    private bool _isTrimmed;
    private int _length;
    private int _item;
    private int _offset;

    /// <summary>True if something was not sent since the last <see cref="Rewind"/>.</summary>
    public bool HasOutput => _item < _items.Count;

    /// <summary>Adds a message, to be sent in an epoch.</summary>
    /// <param name="message">With a header of four bytes.</param>
    /// <param name="sequence">Its number.</param>
    /// <param name="epoch">Of its records.</param>
    public void Add(ReadOnlySpan<byte> message, ushort sequence, ushort epoch)
    {
        ReadOnlySpan<byte> body = message[HandshakeMessage.HeaderLength..];
        Reserve(body.Length);
        body.CopyTo(_bytes.AsSpan(_length));
        _items.Add(new Item(ContentType.Handshake, (HandshakeType)message[0], sequence, epoch, _length, body.Length));
        _length += body.Length;
    }

    /// <summary>Adds a change_cipher_spec, which is no handshake message and has no number (RFC 6347 s4.2.2).</summary>
    public void AddChangeCipherSpec(ushort epoch) => _items.Add(new Item(ContentType.ChangeCipherSpec, default, 0, epoch, 0, 1));

    /// <summary>Sends it all again.</summary>
    public void Rewind() => _item = _offset = 0;

    /// <summary>Gives up all room but what the messages take; nothing is added any more.</summary>
    public void Trim()
    {
        byte[] exact = _bytes.AsSpan(0, _length).ToArray();
        ReturnBytes();
        _bytes = exact;
        _isTrimmed = true;
        _items.TrimExcess();
    }

    public void Clear()
    {
        ReturnBytes();
        _items.Clear();
        _length = _item = _offset = 0;
    }

    /// <summary>Fills one datagram with as many records as fit.</summary>
    /// <param name="destination">As long as the datagram may be.</param>
    /// <param name="records">Makes the records.</param>
    /// <returns>The length of the datagram; 0 if everything is sent.</returns>
    public int WriteDatagram(Span<byte> destination, IFlightRecords records)
    {
        int written = 0;
        while (HasOutput)
        {
            Item item = _items[_item];
            Span<byte> room = destination[written..];
            int contentRoom = Math.Min(room.Length - records.Overhead(item.Epoch), records.MaxContent(item.Epoch));
            int taken = item.Type == ContentType.Handshake ? WriteFragment(item, contentRoom, room, records) : WriteWhole(item, contentRoom, room, records);
            if (taken == 0)
                break;
            written += taken;
        }

        return written;
    }

    public void Dispose() => Clear();

    private int WriteWhole(in Item item, int contentRoom, Span<byte> room, IFlightRecords records)
    {
        if (contentRoom < 1)
            return 0;
        _item++;
        return records.WriteRecord(item.Epoch, item.Type, [1], room);
    }

    private int WriteFragment(in Item item, int contentRoom, Span<byte> room, IFlightRecords records)
    {
        int rest = item.Length - _offset;
        int part = Math.Min(rest, contentRoom - FragmentHeader.Size);
        if (part < Math.Min(rest, MinFragment))
            return 0;
        byte[] content = ArrayPool<byte>.Shared.Rent(FragmentHeader.Size + part);
        new FragmentHeader(item.Message, item.Length, item.Sequence, _offset, part).Write(content);
        _bytes.AsSpan(item.Start + _offset, part).CopyTo(content.AsSpan(FragmentHeader.Size));
        int written = records.WriteRecord(item.Epoch, item.Type, content.AsSpan(0, FragmentHeader.Size + part), room);
        ArrayPool<byte>.Shared.Return(content);
        _offset += part;
        if (_offset == item.Length)
        {
            _item++;
            _offset = 0;
        }

        return written;
    }

    private void ReturnBytes()
    {
        if (_bytes is not null && !_isTrimmed)
            ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = null;
        _isTrimmed = false;
    }

    private void Reserve(int length)
    {
        if (_bytes is not null && _bytes.Length - _length >= length)
            return;
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(_length + length, 512));
        if (_bytes is not null)
        {
            _bytes.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
        }

        _bytes = larger;
    }

    private readonly record struct Item(ContentType Type, HandshakeType Message, ushort Sequence, ushort Epoch, int Start, int Length);
}
