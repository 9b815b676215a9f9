using System.Security.Cryptography;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Records;

namespace IotPsk.Tls;

/// <summary>
/// One end of a TLS connection without any I/O: wire bytes and plaintext go in and out through the caller's buffers.
/// What a call did not consume must come again at the start of the next source. Not for use by two threads at once.
/// </summary>
public abstract partial class PskTlsConnection : IDisposable
{
    /// <summary>The longest record on the wire, in bytes (RFC 8446 s5.2). A source buffer of this size always makes progress.</summary>
    public const int MaxRecordWireSize = RecordHeader.Length + RecordHeader.MaxCiphertext;

    private readonly RecordLayer _records;
    private bool _disposed;
    private bool _closeSent;
    private bool _closeReceived;
    private byte _warnings;

    private protected PskTlsConnection(RecordLayer records, HandshakeState state)
    {
        _records = records;
        State = state;
    }

    /// <summary>True once the handshake is done, until the connection fails.</summary>
    public bool IsConnected => Session is not null && Error is null;

    /// <summary>Why the connection failed; null while it has not, and after a close_notify.</summary>
    public TlsError? Error { get; private set; }

    /// <summary>What was agreed; null until the handshake is done.</summary>
    public PskTlsSession? Session { get; private set; }

    /// <summary>True if <see cref="Flush"/> has something to write: an alert, an answer to a KeyUpdate.</summary>
    public bool HasOutput => _records.PendingOutput > 0;

    /// <summary>For tests that send what this engine would not.</summary>
    internal RecordLayer Records => _records;

    private protected HandshakeState State { get; private set; }

    /// <summary>Goes on with the handshake: wire bytes in, wire bytes out.</summary>
    /// <param name="source">Received bytes; may be empty to start, to go on after an answer, or to drain output.</param>
    /// <param name="destination">Gets bytes to send, whatever the status is.</param>
    /// <param name="consumed">Bytes of the source that were used; what follows the handshake is left for <see cref="Read"/>.</param>
    /// <param name="written">Bytes to send.</param>
    /// <returns>
    /// <see cref="PskTlsStatus.Complete"/>: connected, and all output is written. <see cref="PskTlsStatus.Closed"/>: over,
    /// <see cref="Error"/> says why; an alert may have been written.
    /// </returns>
    public PskTlsStatus Handshake(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        consumed = 0;
        written = 0;
        while (true)
        {
            try
            {
                if (State.CanContinue)
                    Continue();
                written += _records.Drain(destination[written..]);
                if (_records.PendingOutput > 0)
                    return PskTlsStatus.DestinationTooSmall;
                if (Error is not null || _closeSent || _closeReceived)
                    return PskTlsStatus.Closed;
                if (State.Waits != PskTlsStatus.NeedMoreData)
                    return State.Waits;
                if (!TakeHandshakeRecord(source[consumed..], out int length))
                    return PskTlsStatus.NeedMoreData;
                consumed += length;
            }
            catch (CryptographicException)
            {
                Fail(TlsErrorReason.CryptoFailure);
            }
        }
    }

    /// <summary>Takes at most one record: wire bytes in, plaintext out. Look at <see cref="HasOutput"/> afterwards.</summary>
    /// <param name="source">Received bytes.</param>
    /// <param name="destination">Gets plaintext; it needs room for the record's whole content with content type and padding.</param>
    /// <param name="consumed">0, or the length of the record.</param>
    /// <param name="written">Bytes of plaintext; 0 also for records that carry none.</param>
    /// <returns>
    /// <see cref="PskTlsStatus.Complete"/>: a record was taken. <see cref="PskTlsStatus.Closed"/>: close_notify came,
    /// or the connection failed and <see cref="Error"/> says why.
    /// </returns>
    /// <exception cref="InvalidOperationException">The handshake is not done.</exception>
    public PskTlsStatus Read(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
    {
        RequireConnected();
        consumed = 0;
        written = 0;
        if (Error is not null || _closeReceived)
            return PskTlsStatus.Closed;
        try
        {
            RecordStatus status = _records.Read(source, destination, out consumed, out ContentType type, out ReadOnlySpan<byte> content, out TlsErrorReason error);
            switch (status)
            {
                case RecordStatus.NeedMoreData:
                    return PskTlsStatus.NeedMoreData;
                case RecordStatus.DestinationTooSmall:
                    return PskTlsStatus.DestinationTooSmall;
                case RecordStatus.Failed:
                    Fail(error);
                    break;
                case RecordStatus.Ready when type == ContentType.ApplicationData:
                    _warnings = 0;
                    written = content.Length;
                    if (_records.AreReadKeysJustOverdue)
                        RenewKeys(requestPeer: true);
                    return PskTlsStatus.Complete;
                case RecordStatus.Ready:
                    OnControlRecord(type, content);
                    break;
            }
        }
        catch (CryptographicException)
        {
            Fail(TlsErrorReason.CryptoFailure);
        }

        return Error is not null || _closeReceived ? PskTlsStatus.Closed : PskTlsStatus.Complete;
    }

    /// <summary>Writes plaintext as records, as many as fit; what waited to be sent goes first.</summary>
    /// <param name="source">Plaintext.</param>
    /// <param name="destination">Gets wire bytes; <see cref="MaxWireSize"/> says how many at most.</param>
    /// <param name="consumed">Bytes of plaintext that were written.</param>
    /// <param name="written">Bytes to send.</param>
    /// <returns>
    /// <see cref="PskTlsStatus.Complete"/>: all of the source; <see cref="PskTlsStatus.DestinationTooSmall"/>: a part of it;
    /// <see cref="PskTlsStatus.Closed"/>: the connection failed, or <see cref="IsWornOut"/>.
    /// </returns>
    /// <exception cref="InvalidOperationException">The handshake is not done, or <see cref="Shutdown"/> was called.</exception>
    public PskTlsStatus Write(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
    {
        RequireConnected();
        if (_closeSent && !IsWornOut)
            throw new InvalidOperationException("close_notify is sent: no data may follow (RFC 8446 s6.1)");
        consumed = 0;
        written = 0;
        while (true)
        {
            written += _records.Drain(destination[written..]);
            if (_records.PendingOutput > 0)
                return PskTlsStatus.DestinationTooSmall;
            if (Error is not null || _closeSent)
                return PskTlsStatus.Closed;
            try
            {
                SealStatus status = _records.SealData(source[consumed..], destination[written..], out int taken, out int sealedLength);
                consumed += taken;
                written += sealedLength;
                if (status == SealStatus.Done)
                    return consumed == source.Length ? PskTlsStatus.Complete : PskTlsStatus.DestinationTooSmall;
                if (status == SealStatus.KeysWornOut)
                    RenewKeys(requestPeer: false);
                else
                    Fail(TlsErrorReason.SequenceExhausted);
            }
            catch (CryptographicException)
            {
                Fail(TlsErrorReason.CryptoFailure);
            }
        }
    }

    /// <summary>Writes what waits to be sent.</summary>
    /// <param name="destination">Gets wire bytes.</param>
    /// <param name="written">Bytes to send.</param>
    /// <returns><see cref="PskTlsStatus.Complete"/>, or <see cref="PskTlsStatus.DestinationTooSmall"/> if some is left.</returns>
    public PskTlsStatus Flush(Span<byte> destination, out int written)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        written = _records.Drain(destination);
        return _records.PendingOutput > 0 ? PskTlsStatus.DestinationTooSmall : PskTlsStatus.Complete;
    }

    /// <summary>Writes close_notify, once: no data is written after it, but the peer's may still be read (RFC 8446 s6.1).</summary>
    /// <param name="destination">Gets wire bytes.</param>
    /// <param name="written">Bytes to send.</param>
    /// <returns><see cref="PskTlsStatus.Complete"/>, or <see cref="PskTlsStatus.DestinationTooSmall"/>: call <see cref="Flush"/>.</returns>
    public PskTlsStatus Shutdown(Span<byte> destination, out int written)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!_closeSent && Error is null)
        {
            _closeSent = true;
            try
            {
                _records.TryWriteAlert(AlertDescription.CloseNotify);
            }
            catch (CryptographicException)
            {
                Fail(TlsErrorReason.CryptoFailure);
            }
        }

        return Flush(destination, out written);
    }

    /// <summary>The most wire bytes that this much plaintext becomes, with what waits to be sent.</summary>
    /// <param name="plaintext">Bytes of plaintext.</param>
    public int MaxWireSize(int plaintext)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(plaintext);
        return _records.MaxWireSize(plaintext);
    }

    /// <summary>Zeroes the keys and returns the buffers. Nothing is sent.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        State.Dispose();
        _records.Dispose();
        GC.SuppressFinalize(this);
    }
}
