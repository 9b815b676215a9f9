using System.Buffers;
using System.Buffers.Binary;
using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Records;

/// <summary>
/// Cuts handshake messages out of records. A message that lies in one record is passed on where it lies;
/// only one that is spread over records is copied, into a pooled buffer that grows with what has really come.
/// </summary>
internal struct HandshakeAssembler
{
    private byte[]? _buffer;
    private int _count;
    private bool _delivered;

    /// <summary>True between the fragments of a message.</summary>
    public readonly bool IsInsideMessage => _count != 0 && !_delivered;

    /// <summary>Takes the next message from a record's content.</summary>
    /// <param name="content">What is left of the record; moves on. Empty when false is returned without error.</param>
    /// <param name="limits">Which messages are welcome, and how long they may be.</param>
    /// <param name="message">Valid until the next call.</param>
    /// <param name="error">Why the message is not taken.</param>
    /// <returns>False if the message is not whole yet, or not taken.</returns>
    public bool TryNext(ref ReadOnlySpan<byte> content, IMessageLimits limits, out HandshakeMessage message, out TlsErrorReason error)
    {
        message = default;
        error = TlsErrorReason.None;
        ReleaseDelivered();
        if (_count == 0)
        {
            error = Measure(content, limits, out int length);
            if (error != TlsErrorReason.None)
                return false;
            if (length > 0 && content.Length >= length)
            {
                message = new HandshakeMessage(content[..length], content.Length == length);
                content = content[length..];
                return true;
            }
        }

        while (!content.IsEmpty)
        {
            error = Measure(_buffer.AsSpan(0, _count), limits, out int length);
            if (error != TlsErrorReason.None)
                return false;
            Append(ref content, (length == 0 ? HandshakeMessage.HeaderLength : length) - _count);
            error = Measure(_buffer.AsSpan(0, _count), limits, out length);
            if (error != TlsErrorReason.None)
                return false;
            if (length == 0 || _count < length)
                continue;
            _delivered = true;
            message = new HandshakeMessage(_buffer.AsSpan(0, _count), content.IsEmpty);
            return true;
        }

        return false;
    }

    /// <summary>Gives the buffer of the last message back: between messages nothing is held.</summary>
    public void ReleaseDelivered()
    {
        if (_delivered)
            Release();
    }

    public void Release()
    {
        if (_buffer is not null)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = null;
        _count = 0;
        _delivered = false;
    }

    /// <summary>Judges a message by its first bytes; the length with header is 0 while the header is not whole.</summary>
    private static TlsErrorReason Measure(ReadOnlySpan<byte> start, IMessageLimits limits, out int length)
    {
        length = 0;
        if (start.IsEmpty)
            return TlsErrorReason.None;

        // RFC 8446 s4, RFC 5246 s7.4: messages come in one order; another one is an unexpected_message.
        int max = limits.MaxBodyLength((HandshakeType)start[0]);
        if (max < 0)
            return TlsErrorReason.UnexpectedHandshakeMessage;
        if (start.Length < HandshakeMessage.HeaderLength)
            return TlsErrorReason.None;
        int body = BinaryPrimitives.ReadInt32BigEndian(start) & 0xffffff;
        if (body > max)
            return TlsErrorReason.HandshakeMessageTooLarge;
        length = HandshakeMessage.HeaderLength + body;
        return TlsErrorReason.None;
    }

    private void Append(ref ReadOnlySpan<byte> content, int wanted)
    {
        int part = Math.Min(wanted, content.Length);
        if (_buffer is null || _buffer.Length - _count < part)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(_count + part);
            if (_buffer is not null)
            {
                _buffer.AsSpan(0, _count).CopyTo(larger);
                ArrayPool<byte>.Shared.Return(_buffer);
            }

            _buffer = larger;
        }

        content[..part].CopyTo(_buffer.AsSpan(_count));
        _count += part;
        content = content[part..];
    }
}
