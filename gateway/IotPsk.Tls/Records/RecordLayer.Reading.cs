using System.Security.Cryptography;
using IotPsk.Tls.Extensions;

namespace IotPsk.Tls.Records;

internal sealed partial class RecordLayer
{
    /// <summary>How many records without effect in a row are borne: empty data, change_cipher_spec.</summary>
    private const int MaxIdleRecords = 32;

    /// <summary>What of refused early data is skipped, in bytes of ciphertext.</summary>
    public const int MaxEarlyDataSkipped = 16384;

    private int _earlyDataToSkip;
    private byte _emptyRecords;
    private byte _changeCipherSpecs;
    private bool _openedAny;

    /// <summary>True between the first ClientHello and the peer's Finished.</summary>
    public bool ToleratesChangeCipherSpec { get; set; }

    /// <summary>The longest TLSInnerPlaintext that the peer may send: announced to it, or the protocol's (RFC 8446 s5.4).</summary>
    public int OwnRecordSizeLimit { get; set; } = RecordSizeLimit.Max;

    /// <summary>True if data came since this was last set false.</summary>
    public bool DataCame { get; set; }

    /// <summary>How many bytes of refused early data may be skipped from here on (RFC 8446 s4.2.10).</summary>
    public void SkipEarlyData(int bytes) => _earlyDataToSkip = bytes;

    /// <summary>The room the next record's plaintext takes; 0 if it needs none or its header is not there.</summary>
    public int PlaintextRoom(ReadOnlySpan<byte> source) =>
        (_read is null && _read12 is null) || source.Length < RecordHeader.Length ? 0 : Math.Min((source[3] << 8) | source[4], RecordHeader.MaxCiphertext);

    /// <summary>Takes one record.</summary>
    /// <param name="source">Wire bytes.</param>
    /// <param name="destination">Gets the plaintext of a protected record.</param>
    /// <param name="consumed">The length of the record if one was taken.</param>
    /// <param name="type">The type of the content.</param>
    /// <param name="content">In the source, or at the start of the destination.</param>
    /// <param name="error">The rule that was broken.</param>
    public RecordStatus Read(
        ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out ContentType type, out ReadOnlySpan<byte> content, out TlsErrorReason error)
    {
        consumed = 0;
        type = ContentType.Invalid;
        content = default;
        error = TlsErrorReason.None;
        if (source.Length < RecordHeader.Length)
            return RecordStatus.NeedMoreData;
        error = RecordHeader.Parse(source, _read12 is not null, out type, out int length);
        if (error != TlsErrorReason.None)
            return RecordStatus.Failed;
        if (source.Length < RecordHeader.Length + length)
            return RecordStatus.NeedMoreData;
        ReadOnlySpan<byte> record = source[..(RecordHeader.Length + length)];
        consumed = record.Length;

        if (IsTls12)
            return ReadTls12(record, destination, ref consumed, type, out content, out error);
        if (type == ContentType.ChangeCipherSpec)
            error = OnChangeCipherSpec(record[RecordHeader.Length..]);
        else if (_read is null || (type == ContentType.Alert && !_openedAny && !HandshakeDone))
            return ReadPlain(record, type, out content, out error);
        else if (type == ContentType.ApplicationData)
            return ReadProtected(record, destination, ref consumed, out type, out content, out error);
        else
            error = TlsErrorReason.UnexpectedRecordType; // RFC 8446 s5.2: everything else is protected now.
        return error == TlsErrorReason.None ? RecordStatus.Dropped : RecordStatus.Failed;
    }

    private RecordStatus ReadPlain(ReadOnlySpan<byte> record, ContentType type, out ReadOnlySpan<byte> content, out TlsErrorReason error)
    {
        content = record[RecordHeader.Length..];
        error = TlsErrorReason.None;
        if (type == ContentType.ApplicationData)
        {
            // RFC 8446 s4.2.10: after a HelloRetryRequest early data is known by its type alone; s5.1: it comes before the next message, not inside.
            if (_earlyDataToSkip <= 0)
                error = TlsErrorReason.UnexpectedRecordType;
            else
                error = _assembler.IsInsideMessage ? TlsErrorReason.InterleavedHandshake : Skip(record.Length);
            return error == TlsErrorReason.None ? RecordStatus.Dropped : RecordStatus.Failed;
        }

        // RFC 8446 s5.1, s5.4: handshake and alert records are not empty.
        if (content.IsEmpty)
            error = TlsErrorReason.EmptyRecord;
        return error == TlsErrorReason.None ? RecordStatus.Ready : RecordStatus.Failed;
    }

    private RecordStatus ReadProtected(
        ReadOnlySpan<byte> record, Span<byte> destination, scoped ref int consumed, out ContentType type, out ReadOnlySpan<byte> content, out TlsErrorReason error)
    {
        type = ContentType.ApplicationData;
        content = default;
        int innerLength = record.Length - RecordHeader.Length - _read!.Suite.TagLength;
        bool skips = _earlyDataToSkip > 0;

        // RFC 8449 s4, RFC 8446 s5.4: the limit is that of the whole TLSInnerPlaintext. Early data was sent before the limit was known.
        error = innerLength > OwnRecordSizeLimit && !skips ? TlsErrorReason.RecordTooLarge : TlsErrorReason.None;
        if (error != TlsErrorReason.None)
            return RecordStatus.Failed;
        if (innerLength > destination.Length)
        {
            consumed = 0;
            return RecordStatus.DestinationTooSmall;
        }

        if (innerLength < 1 || !_read.TryOpen(record, destination))
        {
            // RFC 8446 s4.2.10: what does not open may be early data.
            error = skips ? Skip(record.Length) : TlsErrorReason.BadRecordMac;
            return error == TlsErrorReason.None ? RecordStatus.Dropped : RecordStatus.Failed;
        }

        _openedAny = true;
        _earlyDataToSkip = 0;
        if (innerLength > OwnRecordSizeLimit)
            error = TlsErrorReason.RecordTooLarge;
        else
            error = Unwrap(destination[..innerLength], out type, out content);
        if (error == TlsErrorReason.None)
            return RecordStatus.Ready;
        CryptographicOperations.ZeroMemory(destination[..innerLength]);
        return RecordStatus.Failed;
    }

    /// <summary>Takes padding and content type off (RFC 8446 s5.4) and judges what is left.</summary>
    private TlsErrorReason Unwrap(ReadOnlySpan<byte> inner, out ContentType type, out ReadOnlySpan<byte> content)
    {
        int last = inner.LastIndexOfAnyExcept((byte)0);
        content = default;
        type = ContentType.Invalid;

        // RFC 8446 s5.4: no non-zero byte at all is an unexpected_message.
        if (last < 0)
            return TlsErrorReason.RecordWithoutContentType;
        type = (ContentType)inner[last];
        content = inner[..last];
        switch (type)
        {
            case ContentType.Handshake:
            case ContentType.Alert:
                // RFC 8446 s5.4: these are not empty.
                return content.IsEmpty ? TlsErrorReason.EmptyRecord : TlsErrorReason.None;
            case ContentType.ApplicationData when HandshakeDone:
                // RFC 8446 s5.1: a handshake message is not interleaved with other records.
                if (_assembler.IsInsideMessage)
                    return TlsErrorReason.InterleavedHandshake;
                return CountData(content.IsEmpty);
            default:
                return TlsErrorReason.UnexpectedRecordType;
        }
    }

    private TlsErrorReason CountData(bool empty)
    {
        if (!empty)
        {
            _emptyRecords = 0;
            DataCame = true;
            return TlsErrorReason.None;
        }

        return ++_emptyRecords > MaxIdleRecords ? TlsErrorReason.TooManyEmptyRecords : TlsErrorReason.None;
    }

    /// <summary>RFC 8446 s5: dropped during the handshake if it is the single byte 1, an unexpected_message otherwise.</summary>
    private TlsErrorReason OnChangeCipherSpec(ReadOnlySpan<byte> content)
    {
        if (!ToleratesChangeCipherSpec)
            return TlsErrorReason.MisplacedChangeCipherSpec;
        if (content.Length != 1 || content[0] != 1)
            return TlsErrorReason.BadChangeCipherSpec;

        // RFC 8446 s5.1: a handshake message is not interleaved with other records.
        if (_assembler.IsInsideMessage)
            return TlsErrorReason.InterleavedHandshake;
        return ++_changeCipherSpecs > MaxIdleRecords ? TlsErrorReason.TooManyChangeCipherSpecs : TlsErrorReason.None;
    }

    private TlsErrorReason Skip(int length)
    {
        _earlyDataToSkip -= length;
        return _earlyDataToSkip < 0 ? TlsErrorReason.TooMuchEarlyData : TlsErrorReason.None;
    }
}
