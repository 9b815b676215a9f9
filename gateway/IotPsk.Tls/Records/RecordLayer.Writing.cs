using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Records;

internal sealed partial class RecordLayer
{
    private const int KeyUpdateLength = 5;
    public const byte AlertLevelWarning = 1;
    public const byte AlertLevelFatal = 2;

    private bool _keyUpdateQueued;
    private bool _closed;
    private int _maxContentSent = RecordHeader.MaxPlaintext;
    private int _maxPlainContent = RecordHeader.MaxPlaintext;

    /// <summary>The inner plaintext of protected records is padded to multiples of this many bytes (RFC 8446 s5.4); 1 is no padding.</summary>
    public int PaddingBlock { get; init; } = 1;

    /// <summary>The peer takes no KeyUpdate: worn-out keys end the connection.</summary>
    public bool CloseInsteadOfKeyUpdate { get; set; }

    /// <summary>True right after the first record that the peer should have sent under new keys.</summary>
    public bool AreReadKeysJustOverdue => _read is { IsJustOverdue: true };

    /// <summary>The peer's record_size_limit (RFC 8449 s4) or the protocol's: content and content type, in bytes.</summary>
    public int PeerRecordSizeLimit
    {
        get => _maxContentSent + 1;
        set => _maxContentSent = Math.Min(value - 1, RecordHeader.MaxPlaintext);
    }

    /// <summary>Queues whole handshake messages, cut to records.</summary>
    /// <returns>False if the keys are used up.</returns>
    public bool TryWriteHandshake(ReadOnlySpan<byte> messages) => TryQueue(ContentType.Handshake, messages);

    /// <summary>Queues a KeyUpdate and changes the keys after it (RFC 8446 s4.6.3); nothing follows a close_notify.</summary>
    /// <param name="request">Asks the peer for the same.</param>
    /// <returns>False if the keys are used up.</returns>
    public bool TryUpdateWriteKeys(bool request)
    {
        if (_closed)
            return true;
        if (!TryWriteHandshake([(byte)HandshakeType.KeyUpdate, 0, 0, 1, request ? (byte)1 : (byte)0]))
            return false;
        _write!.Update();
        _keyUpdateQueued = true;
        return true;
    }

    /// <summary>Answers a request; while an answer still waits to be sent, it serves all.</summary>
    public bool TryAnswerKeyUpdate() => _keyUpdateQueued || TryUpdateWriteKeys(request: false);

    /// <summary>The record that middleboxes want (RFC 8446 sD.4); never protected.</summary>
    public void WriteChangeCipherSpec()
    {
        Span<byte> record = Append(RecordHeader.Length + 1);
        RecordHeader.Write(record, ContentType.ChangeCipherSpec, 1);
        record[^1] = 1;
    }

    /// <returns>False if the keys are used up.</returns>
    public bool TryWriteAlert(AlertDescription alert)
    {
        // RFC 8446 s6: the level is implied by the description; RFC 5246 s7.2.2: no_renegotiation is always a warning.
        _closed |= alert == AlertDescription.CloseNotify;
        bool closure = alert is AlertDescription.CloseNotify or AlertDescription.UserCanceled or AlertDescription.NoRenegotiation;
        return TryQueue(ContentType.Alert, [(byte)(closure ? AlertLevelWarning : AlertLevelFatal), (byte)alert]);
    }

    /// <summary>Writes plaintext as records straight to the caller, as many as fit.</summary>
    public SealStatus SealData(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
    {
        if (_write12 is not null)
            return SealTls12(source, destination, out consumed, out written);
        consumed = written = 0;
        while (consumed < source.Length)
        {
            if (_write!.IsWornOut)
                return SealStatus.KeysWornOut;
            int room = destination.Length - written - (_write.Overhead - 1);
            int length = Math.Min(source.Length - consumed, _maxContentSent);
            int innerLength = PaddedLength(length);
            if (room < innerLength)
            {
                // A short record is worth its overhead only if nothing else can be written.
                innerLength = room / PaddingBlock * PaddingBlock;
                if (written > 0 || innerLength < 2)
                    return SealStatus.Done;
                length = Math.Min(length, innerLength - 1);
            }

            int sealedLength = _write.Seal(ContentType.ApplicationData, source.Slice(consumed, length), destination[written..], innerLength - length - 1);
            if (sealedLength == 0)
                return SealStatus.SequenceExhausted;
            consumed += length;
            written += sealedLength;
        }

        return SealStatus.Done;
    }

    /// <summary>The most wire bytes that this much plaintext and what is queued become.</summary>
    public int MaxWireSize(int plaintext)
    {
        if (_write12 is not null)
            return MaxWireSizeTls12(plaintext);
        int overhead = _write?.Overhead ?? RecordHeader.Length + 1 + 16;
        long records = ((long)plaintext + _maxContentSent - 1) / _maxContentSent;
        int last = plaintext % _maxContentSent;
        int padding = last == 0 ? 0 : PaddedLength(last) - last - 1;

        // New keys may be due on the way; what is said then is one short record.
        bool wearsOut = _write is not null && _write.Sequence + (ulong)records > _write.Suite.MaxRecords;
        int keyUpdate = wearsOut ? overhead - 1 + PaddedLength(KeyUpdateLength) : 0;
        return checked((int)(plaintext + (records * overhead) + padding + keyUpdate + _output.Count));
    }

    /// <summary>Queues content as records of a type.</summary>
    internal bool TryQueue(ContentType type, ReadOnlySpan<byte> content)
    {
        bool isPlain = _write is null && _write12 is null;
        while (!content.IsEmpty)
        {
            ReadOnlySpan<byte> part = content[..Math.Min(content.Length, isPlain ? _maxPlainContent : _maxContentSent)];
            content = content[part.Length..];
            if (isPlain)
            {
                Span<byte> record = Append(RecordHeader.Length + part.Length);
                RecordHeader.Write(record, type, part.Length);
                part.CopyTo(record[RecordHeader.Length..]);
            }
            else if (_write12?.IsExhausted ?? _write!.IsExhausted)
            {
                // Before room is made in the queue: it would be sent as it is.
                return false;
            }
            else
            {
                QueueProtected(type, part);
            }
        }

        return true;
    }

    private void QueueProtected(ContentType type, ReadOnlySpan<byte> content)
    {
        int padding = _write12 is null ? PaddedLength(content.Length) - content.Length - 1 : 0;
        int length = content.Length + padding + (_write12?.Overhead ?? _write!.Overhead);
        Span<byte> record = Append(length);
        try
        {
            if (_write12 is not null)
                _write12.Seal(type, content, record);
            else
                _write!.Seal(type, content, record, padding);
        }
        catch
        {
            // It is not encrypted, and what is in the queue is sent.
            _output.Withdraw(length);
            throw;
        }
    }

    /// <summary>Content, content type and padding; the peer's limit counts them all (RFC 8449 s4).</summary>
    private int PaddedLength(int contentLength) =>
        Math.Min((contentLength + PaddingBlock) / PaddingBlock * PaddingBlock, _maxContentSent + 1);

    private Span<byte> Append(int length)
    {
        if (!HandshakeDone)
            HandshakeBytesSent += length;
        return _output.Append(length);
    }
}
