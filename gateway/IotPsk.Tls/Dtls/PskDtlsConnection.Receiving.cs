using System.Security.Cryptography;
using IotPsk.Tls.Dtls;
using IotPsk.Tls.Dtls12;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls;

public abstract partial class PskDtlsConnection
{
    private const int AlertLength = 2;

    /// <summary>How many requests for a renegotiation are answered.</summary>
    private const int MaxDeclined = 32;

    /// <summary>The highest numbers of a hello that leave room for a handshake and its repetitions.</summary>
    internal const ulong MaxFirstRecord = DtlsRecord.MaxSequence - 0xffff;
    internal const ushort MaxFirstMessage = 0xff00;

    /// <summary>Takes at most one record of a datagram: call it until all is consumed, also while it returns <see cref="PskTlsStatus.NeedsPsk"/>. Look at <see cref="HasOutput"/> afterwards.</summary>
    /// <param name="datagram">What is left of a datagram.</param>
    /// <param name="now">Milliseconds of the owner's clock.</param>
    /// <param name="destination">Gets plaintext; a buffer as long as the datagram is always long enough.</param>
    /// <param name="consumed">The length of the record; all that is left if no record can be read there.</param>
    /// <param name="written">Bytes of plaintext; 0 for records that carry none.</param>
    /// <returns>
    /// <see cref="PskTlsStatus.Complete"/>: a record was taken, or silently dropped (RFC 6347 s4.1.2.7). <see cref="PskTlsStatus.NeedsPsk"/>: a server
    /// waits for its owner's answer. <see cref="PskTlsStatus.Closed"/>: the association is over; <see cref="Error"/> says why, null after a close_notify.
    /// <see cref="PskTlsStatus.DestinationTooSmall"/>: nothing was taken.
    /// </returns>
    public PskTlsStatus Receive(ReadOnlySpan<byte> datagram, long now, Span<byte> destination, out int consumed, out int written)
    {
        ObjectDisposedException.ThrowIf(Is(Flags.Disposed), this);
        _flags &= ~Flags.Newest;
        consumed = datagram.Length;
        written = 0;
        if (Is(Flags.Over) || !DtlsRecord.TryRead(datagram, LocalIdLength, out DtlsRecord record))
            return Status;
        consumed = record.Bytes.Length;
        if (_handshake is not null)
            _handshakeBytesReceived += consumed;
        try
        {
            if (record.Epoch == 0)
            {
                ReceivePlain(record, now);
            }
            else if (!TryReceiveProtected(record, now, destination, out written))
            {
                consumed = 0;
                return PskTlsStatus.DestinationTooSmall;
            }

            ReplayEarly(now);
        }
        catch (CryptographicException)
        {
            Fail(TlsErrorReason.CryptoFailure);
        }

        return Status;
    }

    /// <summary>RFC 6347 s4.2.8: once connected, nothing in clear counts; a new hello belongs to a new association, which the owner makes.</summary>
    private void ReceivePlain(in DtlsRecord record, long now)
    {
        if (_handshake is not { } handshake || Is(Flags.Connected))
            return;

        // change_cipher_spec is passed over: the epoch of the records after it says the same, and cannot get lost.
        if (record.Type == ContentType.Handshake)
            TakeFragments(handshake, record, record.Fragment, now);
        else if (record.Type == ContentType.Alert && record.Fragment.Length == AlertLength && record.Fragment[0] == RecordLayer.AlertLevelFatal)
            End(TlsError.FromPeer((AlertDescription)record.Fragment[1]));
    }

    /// <summary>False if the content needs more room.</summary>
    private bool TryReceiveProtected(in DtlsRecord record, long now, Span<byte> destination, out int written)
    {
        written = 0;
        if (Association is not { } association)
        {
            if (_handshake is { HasStarted: true } handshake)
                handshake.KeepEarly(record);
            return true;
        }

        switch (association.Open(record, destination, out ContentType type, out int length, out bool newest))
        {
            case OpenStatus.DestinationTooSmall:
                return false;
            case OpenStatus.KeyInDanger:
                Fail(TlsErrorReason.TooManyForgedRecords);
                return true;
            case OpenStatus.Dropped:
                return true;
        }

        if (newest)
            _flags |= Flags.Newest;
        Span<byte> content = destination[..length];
        if (type == ContentType.ApplicationData && Is(Flags.Connected))
        {
            // The peer speaks after the last flight, so it has got it.
            DropHandshake();
            written = length;
            return true;
        }

        if (type == ContentType.Alert)
            OnAlert(content);
        else if (type == ContentType.Handshake && Is(Flags.Connected))
            OnLateHandshake(content, now);
        else if (type == ContentType.Handshake)
            TakeFragments(_handshake!, record, content, now);
        CryptographicOperations.ZeroMemory(content);
        return true;
    }

    /// <summary>What came before its keys were there.</summary>
    private void ReplayEarly(long now)
    {
        if (Is(Flags.Over) || _handshake is not { Association: not null } handshake || handshake.TakeEarly() is not { } early)
            return;
        Span<byte> content = stackalloc byte[DtlsHandshake.MaxEarlyRecord];
        if (DtlsRecord.TryRead(early, LocalIdLength, out DtlsRecord record))
            TryReceiveProtected(record, now, content, out _);
    }

    private void TakeFragments(DtlsHandshake handshake, in DtlsRecord record, ReadOnlySpan<byte> content, long now)
    {
        while (!Is(Flags.Over | Flags.Connected) && FragmentHeader.TryRead(content, out FragmentHeader header))
        {
            ReadOnlySpan<byte> fragment = content.Slice(FragmentHeader.Size, header.Length);
            content = content[(FragmentHeader.Size + header.Length)..];

            // RFC 6347 s4.2.4: Finished alone is protected. What says otherwise is noise.
            if ((header.Type == HandshakeType.Finished) != (record.Epoch != 0))
                continue;
            if (!handshake.HasStarted && !TryStart(handshake, header, fragment, record.Sequence, now))
                continue;
            if ((short)(header.Sequence - handshake.Incoming.Next) < 0)
            {
                handshake.OnRepetition(header, now);
                continue;
            }

            TlsErrorReason error = State is { Question: null } state ? handshake.Incoming.Add(header, fragment, state) : TlsErrorReason.None;
            if (error == TlsErrorReason.None)
                Deliver(now);
            else
                Fail(error);
        }
    }

    /// <summary>A server's numbers are set by the begin of the first ClientHello.</summary>
    private static bool TryStart(DtlsHandshake handshake, in FragmentHeader header, ReadOnlySpan<byte> fragment, ulong recordSequence, long now)
    {
        if (handshake.State is not Dtls12.Server.ExpectClientHello || header.Type != HandshakeType.ClientHello || header.Offset != 0)
            return false;

        // RFC 6347 s4.1: numbers do not wrap. No honest client begins where there is no room to go on.
        if (recordSequence > MaxFirstRecord || header.Sequence > MaxFirstMessage)
            return false;
        handshake.Start(header.Sequence, recordSequence);
        handshake.HelloRandom = RandomOf(fragment).ToArray();

        // A hello that never becomes whole ends like a flight that is never answered.
        handshake.Timer.Start(now);
        return true;
    }

    private protected static ReadOnlySpan<byte> RandomOf(ReadOnlySpan<byte> hello) =>
        hello.Length < sizeof(ushort) + ClientHello.RandomLength ? default : hello.Slice(sizeof(ushort), ClientHello.RandomLength);

    /// <summary>Hands whole messages to the state, in order, as long as it waits for some.</summary>
    private void Deliver(long now)
    {
        while (_handshake is { State: { Question: null } state } handshake && !Is(Flags.Connected))
        {
            ushort sequence = handshake.Incoming.Next;
            if (!handshake.Incoming.TryTake(state, out HandshakeMessage message, out TlsErrorReason error))
            {
                if (error != TlsErrorReason.None)
                    Fail(error);
                return;
            }

            handshake.MessageSequence = sequence;
            DtlsState next = state.Receive(message, handshake, out error);
            Enter(next, error, now);
        }
    }

    private void Enter(DtlsState next, TlsErrorReason error, long now)
    {
        DtlsHandshake handshake = _handshake!;
        if (error != TlsErrorReason.None)
        {
            // Fail drops the state that was left; the one that was to follow goes here.
            if (next != handshake.State)
                next.Dispose();
            Fail(error);
            return;
        }

        if (next != handshake.State)
        {
            handshake.State.Dispose();
            handshake.State = next;
        }

        if (next is DtlsConnected connected)
            FinishHandshake(handshake, connected, now);
        else if (next.Question is not null)
            handshake.Timer.Pause();
        else if (handshake.HasNewFlight)
            handshake.Timer.Start(now);
        else if (handshake.Timer.Deadline == FlightTimer.None)
            handshake.Timer.Resume(now);
        handshake.HasNewFlight = false;
    }

    private void FinishHandshake(DtlsHandshake handshake, DtlsConnected connected, long now)
    {
        Tls12.Tls12Handshake agreed = connected.Handshake;
        _association = handshake.TakeAssociation();
        _flags |= Flags.Connected | (agreed.ExtendedMasterSecret ? Flags.ExtendedMasterSecret : 0) | (agreed.IsResumed ? Flags.Resumed : 0);
        _group = (ushort)agreed.Group;
        _ticketsIssued = (byte)connected.TicketsIssued;
        _applicationProtocol = agreed.ApplicationProtocol.IsEmpty ? null : agreed.ApplicationProtocol.ToArray();
        ReadOnlySpan<byte> secret = agreed.Master!.Bytes;
        if (handshake.Settings.KeepsExporter)
            _exporter = new DtlsExporter(handshake.Crypto, secret, agreed.Randoms);
        OnConnected(connected, secret);
        handshake.Crypto.Wipe();
        if (connected.SentLast)
        {
            // The flight alone is kept, and no secret of the handshake with it.
            LastFlight last = handshake.TakeLastFlight(_association, now + LastFlight.Lifetime);
            DropHandshake();
            _lastFlight = last;
        }
        else
        {
            DropHandshake();
        }
    }

    /// <summary>A protected message after the handshake: the peer lacks the last flight, or wants a renegotiation.</summary>
    private void OnLateHandshake(ReadOnlySpan<byte> content, long now)
    {
        if (!FragmentHeader.TryRead(content, out FragmentHeader header))
            return;
        if (header.Type == HandshakeType.Finished)
        {
            _lastFlight?.OnRepetition(header, now);
            return;
        }

        // RFC 5746 s5, RFC 5246 s7.2.2: declined by a warning; the peer decides whether it goes on without.
        if (header.Type is HandshakeType.ClientHello or HandshakeType.HelloRequest && header.Offset == 0 && _declined < MaxDeclined)
        {
            _declined++;
            QueueAlert(RecordLayer.AlertLevelWarning, AlertDescription.NoRenegotiation);
        }
    }

    /// <summary>An authentic alert; one that is malformed is noise (RFC 6347 s4.1.2.7).</summary>
    private void OnAlert(ReadOnlySpan<byte> content)
    {
        if (content.Length != AlertLength)
            return;
        var alert = (AlertDescription)content[1];
        if (alert == AlertDescription.CloseNotify && Is(Flags.Connected))
        {
            // RFC 5246 s7.2.1: answered by a close_notify.
            QueueAlert(RecordLayer.AlertLevelWarning, AlertDescription.CloseNotify);
            End(error: null);
        }
        else if (alert == AlertDescription.CloseNotify || content[0] == RecordLayer.AlertLevelFatal)
        {
            End(TlsError.FromPeer(alert));
        }
    }

    /// <summary>Ends the association with the alert of the reason.</summary>
    private void Fail(TlsErrorReason reason)
    {
        if (Is(Flags.Over))
            return;
        var error = new TlsError(reason);
        if (error.Alert is { } alert)
        {
            try
            {
                QueueAlert(RecordLayer.AlertLevelFatal, alert);
            }
            catch (CryptographicException)
            {
                // The alert cannot be protected: the association ends without it.
            }
        }

        End(error);
    }

    private void End(TlsError? error)
    {
        Error = error;
        if (error is not null)
            OnFailed();
        _flags |= Flags.Over;
        DropHandshake();
        DropKeys();
    }

    /// <summary>One datagram, protected if this side's records are.</summary>
    private void QueueAlert(byte level, AlertDescription alert)
    {
        DtlsAssociation? association = _association ?? (_handshake is { WriteEpoch: > 0 } ? _handshake.Association : null);
        ReadOnlySpan<byte> content = [level, (byte)alert];
        Span<byte> record = stackalloc byte[DtlsRecord.HeaderLength + Extensions.ConnectionId.MaxLength + 64];
        int length = 0;
        if (association is { IsExhausted: false })
            length = association.Seal(ContentType.Alert, content, record[..(association.Overhead + AlertLength)]);
        else if (association is null && _handshake is { } handshake)
            length = handshake.WriteRecord(0, ContentType.Alert, content, record);
        if (length > 0)
            _pending = record[..length].ToArray();
    }
}
