using System.Buffers;
using System.Buffers.Binary;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Dtls;

/// <summary>
/// Puts handshake messages together and in order (RFC 6347 s4.2.2, s4.2.3). Messages that come before their turn are kept, few and small ones;
/// of bytes that come twice the first ones count. What does not fit is dropped: the peer repeats it.
/// </summary>
internal sealed class MessageReassembler : IDisposable
{
    /// <summary>How many messages are looked at, the awaited one among them: the longest flight has five.</summary>
    private const int Window = 6;

    /// <summary>The longest message that is kept before its turn, in bytes.</summary>
    private const int MaxEarlyLength = 2048;

    private readonly Slot[] _slots = new Slot[Window];
    private byte[]? _delivered;

    /// <summary>The number of the message that is awaited.</summary>
    public ushort Next { get; private set; }

    /// <summary>The first message sets the number.</summary>
    public void Start(ushort sequence) => Next = sequence;

    /// <summary>Takes a fragment that is not older than the awaited message.</summary>
    /// <param name="header">Checked for form.</param>
    /// <param name="fragment">Its bytes.</param>
    /// <param name="limits">What the awaited message may be.</param>
    /// <returns>Why the awaited message cannot be what it says it is.</returns>
    public TlsErrorReason Add(in FragmentHeader header, ReadOnlySpan<byte> fragment, IMessageLimits limits)
    {
        int order = (ushort)(header.Sequence - Next);
        if (order >= Window)
            return TlsErrorReason.None;
        if (order > 0 && header.MessageLength > MaxEarlyLength)
            return TlsErrorReason.None;
        if (order == 0)
        {
            int max = limits.MaxBodyLength(header.Type);
            if (max < 0)
                return TlsErrorReason.UnexpectedHandshakeMessage;
            if (header.MessageLength > max)
                return TlsErrorReason.HandshakeMessageTooLarge;
        }

        ref Slot slot = ref _slots[header.Sequence % Window];

        // A whole message goes before pieces that contradict it; pieces that contradict pieces are dropped.
        if (slot.Buffer is not null && (slot.Type != header.Type || slot.Length != header.MessageLength))
        {
            if (!header.IsWhole || slot.Missing == 0)
                return TlsErrorReason.None;
            slot.Release();
        }

        if (slot.Buffer is null)
            slot.Begin(header);
        slot.Take(header, fragment);
        return TlsErrorReason.None;
    }

    /// <summary>Takes the awaited message if it is whole.</summary>
    /// <param name="limits">What it may be, if it came before its turn.</param>
    /// <param name="message">With a header of four bytes; valid until the next call.</param>
    /// <param name="error">Why it is not taken.</param>
    public bool TryTake(IMessageLimits limits, out HandshakeMessage message, out TlsErrorReason error)
    {
        message = default;
        error = TlsErrorReason.None;
        ReleaseDelivered();
        ref Slot slot = ref _slots[Next % Window];
        if (slot.Buffer is null || slot.Missing > 0)
            return false;
        int max = limits.MaxBodyLength(slot.Type);
        if (max < 0)
            error = TlsErrorReason.UnexpectedHandshakeMessage;
        else if (slot.Length > max)
            error = TlsErrorReason.HandshakeMessageTooLarge;
        if (error != TlsErrorReason.None)
            return false;

        // Messages do not share records here: RFC 6347 s4.2.3 leaves it to the sender.
        message = new HandshakeMessage(slot.Buffer.AsSpan(0, HandshakeMessage.HeaderLength + slot.Length), endsRecord: true);
        _delivered = slot.Buffer;
        slot.Buffer = null;
        slot.Release();
        Next++;
        return true;
    }

    public void Dispose()
    {
        ReleaseDelivered();
        foreach (ref Slot slot in _slots.AsSpan())
            slot.Release();
    }

    private void ReleaseDelivered()
    {
        if (_delivered is not null)
            ArrayPool<byte>.Shared.Return(_delivered);
        _delivered = null;
    }

    private struct Slot
    {
        public byte[]? Buffer;
        public HandshakeType Type;
        public int Length;

        /// <summary>How many bytes have not come.</summary>
        public int Missing;

        /// <summary>A bit for each byte that has come; null until a part alone comes.</summary>
        private byte[]? _came;

        public void Begin(in FragmentHeader header)
        {
            Buffer = ArrayPool<byte>.Shared.Rent(HandshakeMessage.HeaderLength + header.MessageLength);
            BinaryPrimitives.WriteInt32BigEndian(Buffer, header.MessageLength);
            Buffer[0] = (byte)header.Type;
            Type = header.Type;
            Length = header.MessageLength;
            Missing = Length;
        }

        public void Take(in FragmentHeader header, ReadOnlySpan<byte> fragment)
        {
            if (Missing == 0)
                return;
            Span<byte> body = Buffer.AsSpan(HandshakeMessage.HeaderLength, Length);
            if (header.IsWhole && _came is null)
            {
                fragment.CopyTo(body);
                Missing = 0;
                return;
            }

            int bits = (Length + 7) / 8;
            if (_came is null)
            {
                _came = ArrayPool<byte>.Shared.Rent(bits);
                _came.AsSpan(0, bits).Clear();
            }

            for (int i = 0; i < fragment.Length; i++)
            {
                int at = header.Offset + i;
                byte bit = (byte)(1 << (at & 7));
                if ((_came[at >> 3] & bit) != 0)
                    continue;
                _came[at >> 3] |= bit;
                body[at] = fragment[i];
                Missing--;
            }
        }

        public void Release()
        {
            if (Buffer is not null)
                ArrayPool<byte>.Shared.Return(Buffer);
            if (_came is not null)
                ArrayPool<byte>.Shared.Return(_came);
            this = default;
        }
    }
}
