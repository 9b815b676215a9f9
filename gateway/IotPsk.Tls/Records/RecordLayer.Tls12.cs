using System.Security.Cryptography;

namespace IotPsk.Tls.Records;

/// <summary>The record layer of TLS 1.2 (RFC 5246 s6): types in clear, change_cipher_spec with a meaning, keys that last as long as the connection.</summary>
internal sealed partial class RecordLayer
{
    private Tls12Protection? _read12;
    private Tls12Protection? _write12;

    /// <summary>True once TLS 1.2 is agreed.</summary>
    public bool IsTls12 { get; private set; }

    /// <summary>True if alerts may be mere warnings: TLS 1.2 is agreed or possible.</summary>
    public bool MindsAlertLevels { get; set; }

    /// <summary>True if a change_cipher_spec was dropped as TLS 1.3 wants it.</summary>
    public bool DroppedChangeCipherSpec => _changeCipherSpecs > 0;

    /// <summary>The most content of a record that the peer takes.</summary>
    public int MaxContentSent => _maxContentSent;

    /// <summary>For tests that seal what this engine would not.</summary>
    internal Tls12Protection? WriteProtection12 => _write12;

    /// <summary>For tests that age the keys.</summary>
    internal Tls12Protection? ReadProtection12 => _read12;

    /// <summary>From here on the rules of TLS 1.2 hold.</summary>
    public void BeginTls12()
    {
        IsTls12 = true;
        MindsAlertLevels = true;
        ToleratesChangeCipherSpec = false;
        OwnRecordSizeLimit = RecordHeader.MaxPlaintext;

        // There is no KeyUpdate, and no renegotiation here.
        CloseInsteadOfKeyUpdate = true;
    }

    /// <summary>RFC 8449 s4: in TLS 1.2 a limit counts the content alone; RFC 6066 s4: so does max_fragment_length.</summary>
    public void LimitContent(int own, int peer)
    {
        OwnRecordSizeLimit = Math.Min(own, RecordHeader.MaxPlaintext);
        _maxContentSent = Math.Min(peer, RecordHeader.MaxPlaintext);
    }

    /// <summary>The same for records that are not yet protected, which only max_fragment_length covers.</summary>
    public void LimitPlainContent(int limit) => _maxPlainContent = limit;

    public void ProtectReads(Tls12Protection protection) => _read12 = protection;

    public void ProtectWrites(Tls12Protection protection) => _write12 = protection;

    private RecordStatus ReadTls12(
        ReadOnlySpan<byte> record, Span<byte> destination, scoped ref int consumed, ContentType type, out ReadOnlySpan<byte> content, out TlsErrorReason error)
    {
        content = default;

        // RFC 5246 s6.2.1: the version is the one that is negotiated.
        if (record[2] != ((int)TlsProtocol.Tls12 & 0xff))
        {
            error = TlsErrorReason.BadRecordVersion;
            return RecordStatus.Failed;
        }

        if (_read12 is not null)
            return OpenTls12(record, destination, ref consumed, type, out content, out error);
        content = record[RecordHeader.Length..];

        // RFC 6066 s4: what was agreed holds for records in clear too; RFC 5246 s6.2.1 otherwise.
        error = content.Length > _maxPlainContent ? TlsErrorReason.RecordTooLarge : JudgePlain(type, content);
        return error == TlsErrorReason.None ? RecordStatus.Ready : RecordStatus.Failed;
    }

    private TlsErrorReason JudgePlain(ContentType type, ReadOnlySpan<byte> content)
    {
        switch (type)
        {
            case ContentType.ChangeCipherSpec:
                // RFC 5246 s7.1: a single byte of value 1; s6.2.1: handshake messages are not interrupted.
                if (!content.SequenceEqual((ReadOnlySpan<byte>)[1]))
                    return TlsErrorReason.BadChangeCipherSpec;
                return _assembler.IsInsideMessage ? TlsErrorReason.InterleavedHandshake : TlsErrorReason.None;
            case ContentType.Handshake:
            case ContentType.Alert:
                // RFC 5246 s6.2.1: these are not empty.
                return content.IsEmpty ? TlsErrorReason.EmptyRecord : TlsErrorReason.None;
            default:
                return TlsErrorReason.UnexpectedRecordType;
        }
    }

    private RecordStatus OpenTls12(
        ReadOnlySpan<byte> record, Span<byte> destination, scoped ref int consumed, ContentType type, out ReadOnlySpan<byte> content, out TlsErrorReason error)
    {
        content = default;
        int length = record.Length - _read12!.Overhead;

        // RFC 5246 s6.2.1, RFC 8449 s4: more is a record_overflow.
        error = length > OwnRecordSizeLimit ? TlsErrorReason.RecordTooLarge : TlsErrorReason.None;
        if (error != TlsErrorReason.None)
            return RecordStatus.Failed;
        if (length > destination.Length)
        {
            consumed = 0;
            return RecordStatus.DestinationTooSmall;
        }

        // RFC 5246 s6.2.3.3: what does not open is a bad_record_mac.
        if (length < 0 || !_read12.TryOpen(record, destination))
        {
            error = TlsErrorReason.BadRecordMac;
            return RecordStatus.Failed;
        }

        content = destination[..length];
        error = JudgeOpened(type, length == 0);
        if (error == TlsErrorReason.None)
            return RecordStatus.Ready;
        CryptographicOperations.ZeroMemory(destination[..length]);
        return RecordStatus.Failed;
    }

    private TlsErrorReason JudgeOpened(ContentType type, bool empty)
    {
        switch (type)
        {
            case ContentType.Handshake:
            case ContentType.Alert:
                // RFC 5246 s6.2.1: these are not empty.
                return empty ? TlsErrorReason.EmptyRecord : TlsErrorReason.None;
            case ContentType.ApplicationData when HandshakeDone:
                return _assembler.IsInsideMessage ? TlsErrorReason.InterleavedHandshake : CountData(empty);
            case ContentType.ChangeCipherSpec:
                // RFC 5246 s7.1: once in a handshake, and there is no other.
                return TlsErrorReason.MisplacedChangeCipherSpec;
            default:
                return TlsErrorReason.UnexpectedRecordType;
        }
    }

    private SealStatus SealTls12(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
    {
        consumed = written = 0;
        while (consumed < source.Length)
        {
            if (_write12!.IsExhausted)
                return SealStatus.SequenceExhausted;
            if (_write12.IsWornOut)
                return SealStatus.KeysWornOut;
            int room = destination.Length - written - _write12.Overhead;
            int length = Math.Min(source.Length - consumed, _maxContentSent);

            // A short record is worth its overhead only if nothing else can be written.
            if (room < length && (written > 0 || room <= 0))
                return SealStatus.Done;
            length = Math.Min(length, room);
            written += _write12.Seal(ContentType.ApplicationData, source.Slice(consumed, length), destination[written..]);
            consumed += length;
        }

        return SealStatus.Done;
    }

    private int MaxWireSizeTls12(int plaintext)
    {
        long records = ((long)plaintext + _maxContentSent - 1) / _maxContentSent;

        // When the keys are worn out, a close_notify follows.
        bool wearsOut = _write12!.Sequence + (ulong)records > _write12.Suite.MaxRecords;
        return checked((int)(plaintext + (records * _write12.Overhead) + (wearsOut ? _write12.Overhead + 2 : 0) + _output.Count));
    }

    private void DropTls12Keys()
    {
        _read12?.Dispose();
        _write12?.Dispose();
        _read12 = _write12 = null;
    }
}
