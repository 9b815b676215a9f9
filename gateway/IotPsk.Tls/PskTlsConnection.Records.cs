using System.Buffers;
using System.Security.Cryptography;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls;

public abstract partial class PskTlsConnection
{
    /// <summary>How many alerts that end nothing are borne without data between them.</summary>
    private const int MaxWarnings = 4;

    /// <summary>Takes one record of the handshake; false if it is not whole.</summary>
    private bool TakeHandshakeRecord(ReadOnlySpan<byte> source, out int consumed)
    {
        int room = _records.PlaintextRoom(source);
        byte[]? plaintext = room == 0 ? null : ArrayPool<byte>.Shared.Rent(room);
        try
        {
            RecordStatus status = _records.Read(source, plaintext, out consumed, out ContentType type, out ReadOnlySpan<byte> content, out TlsErrorReason error);
            if (status == RecordStatus.NeedMoreData)
                return false;
            _records.HandshakeBytesReceived += consumed;
            if (status == RecordStatus.Failed)
                Fail(error);
            else if (status == RecordStatus.Ready)
                OnControlRecord(type, content);
            return true;
        }
        finally
        {
            if (plaintext is not null)
                ArrayPool<byte>.Shared.Return(plaintext);
        }
    }

    private void OnControlRecord(ContentType type, ReadOnlySpan<byte> content)
    {
        if (type == ContentType.Alert)
            OnAlert(content);
        else if (type == ContentType.Handshake)
            OnHandshake(content);
        else if (type == ContentType.ChangeCipherSpec)
            OnChangeCipherSpec();
        else
            Fail(TlsErrorReason.UnexpectedRecordType);
    }

    /// <summary>RFC 5246 s7.1: a message of its own kind, which changes the keys.</summary>
    private void OnChangeCipherSpec()
    {
        HandshakeState next = State.ReceiveChangeCipherSpec(_records, out TlsErrorReason error);
        Enter(next, error);
        if (error != TlsErrorReason.None)
            Fail(error);
    }

    private void OnHandshake(ReadOnlySpan<byte> content)
    {
        TlsErrorReason error = TlsErrorReason.None;
        while (!content.IsEmpty && error == TlsErrorReason.None)
        {
            if (_records.Assembler.TryNext(ref content, State, out HandshakeMessage message, out error))
                Enter(State.Receive(message, _records, out error), error);
        }

        _records.Assembler.ReleaseDelivered();
        if (error != TlsErrorReason.None)
            Fail(error);
    }

    private void Continue()
    {
        HandshakeState next = State.Continue(_records, out TlsErrorReason error);
        Enter(next, error);
        if (error != TlsErrorReason.None)
            Fail(error);
    }

    private void Enter(HandshakeState next, TlsErrorReason error)
    {
        if (error != TlsErrorReason.None)
        {
            // Fail drops the state that was left; the one that was to follow goes here.
            if (next != State)
                next.Dispose();
            return;
        }

        if (next == State)
            return;
        State.Dispose();
        State = next;
        if (next is Connected connected)
            Session = connected.Session;
    }

    /// <summary>RFC 8446 s6: the level is ignored; what is not a closure alert ends the connection. RFC 5246 s7.2: a warning does not.</summary>
    private void OnAlert(ReadOnlySpan<byte> content)
    {
        // RFC 8446 s5.1: an alert record is exactly one alert.
        if (content.Length != 2)
        {
            Fail(TlsErrorReason.MalformedAlert);
            return;
        }

        var alert = (AlertDescription)content[1];
        if (alert == AlertDescription.UserCanceled && !(_records.MindsAlertLevels && content[0] == RecordLayer.AlertLevelFatal))
        {
            // RFC 8446 s6.1: a close_notify follows; s5.1: not inside a handshake message, where TLS 1.2 lets it be (RFC 5246 s6.2.1).
            if (_records.Assembler.IsInsideMessage && !_records.IsTls12)
                Fail(TlsErrorReason.InterleavedHandshake);
            else if (++_warnings > MaxWarnings)
                Fail(TlsErrorReason.TooManyWarnings);
        }
        else if (alert == AlertDescription.CloseNotify && Session is not null)
        {
            _closeReceived = true;
        }
        else if (_records.MindsAlertLevels && alert != AlertDescription.CloseNotify && content[0] != RecordLayer.AlertLevelFatal)
        {
            // RFC 5246 s7.2: there are two levels.
            if (content[0] != RecordLayer.AlertLevelWarning)
                Fail(TlsErrorReason.BadAlertLevel);
            else if (++_warnings > MaxWarnings)
                Fail(TlsErrorReason.TooManyWarnings);
        }
        else
        {
            End(TlsError.FromPeer(alert));
        }
    }

    /// <summary>Ends the connection with the alert of the reason.</summary>
    private void Fail(TlsErrorReason reason)
    {
        if (Error is not null)
            return;
        var error = new TlsError(reason);
        if (error.Alert is { } alert && !_closeSent)
        {
            try
            {
                _records.TryWriteAlert(alert);
            }
            catch (CryptographicException)
            {
                // The alert cannot be protected: the connection ends without it.
            }
        }

        End(error);
    }

    private void End(TlsError error)
    {
        Error = error;
        State.Forget();
        State.Dispose();
        State = Over.Instance;
        _records.DropKeys();
    }

    private void RequireConnected()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (Session is null && Error is null)
            throw new InvalidOperationException("the handshake is not done");
    }
}
