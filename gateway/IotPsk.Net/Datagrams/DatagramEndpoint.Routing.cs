using IotPsk.Tls;

namespace IotPsk.Net.Datagrams;

/// <summary>Which association a datagram belongs to. Nothing it says is proved yet, and nothing is kept of it.</summary>
internal sealed partial class DatagramEndpoint
{
    private const byte Handshake = 22;

    /// <summary>Handles one datagram; an exception ends the association it was for and nothing else.</summary>
    internal void Receive(ReadOnlySpan<byte> datagram, in PeerAddress source)
    {
        if (_closed) return;
        if (datagram.IsEmpty) Counters.Malformed++;
        else if (datagram[0] == ConnectionIds.ContentType) ReceiveByConnectionId(datagram, source);
        else if (DtlsRecordHeader.IsClientHello(datagram)) ReceiveHello(datagram, source);
        else ReceiveByAddress(datagram, source);
    }

    private void ReceiveByConnectionId(ReadOnlySpan<byte> datagram, in PeerAddress source)
    {
        if (!DtlsRecordHeader.TryReadConnectionId(datagram, ConnectionIds.Length, out var connectionId))
        {
            Counters.Malformed++;
            return;
        }
        var key = ConnectionIds.KeyOf(connectionId);
        var shard = ConnectionIds.ShardOf(connectionId, _siblings.Length);
        if (connectionId[0] != _listener.Options.NodeId) Counters.UnknownConnectionId++;
        else if (shard != ShardIndex) HandOver(_siblings[shard], datagram, source);
        else if (Table.Find(key) is { } session) Deliver(session, datagram, source);
        // The Finished of a handshake already bears the id (RFC 9146 s4).
        else if (_halfOpen.TryGetValue(source, out var halfOpen) && halfOpen.Session.Key == key) halfOpen.Receive(datagram);
        else Counters.UnknownConnectionId++;
    }

    private void ReceiveByAddress(ReadOnlySpan<byte> datagram, in PeerAddress source)
    {
        if (!DtlsRecordHeader.TryReadEpoch(datagram, 0, out var epoch))
        {
            Counters.Malformed++;
            return;
        }
        // RFC 6347 s4.2.8: the old association of a client that began again lives on beside the handshake; what is
        // protected, but no handshake message, can only be for the old one.
        var halfOpen = _halfOpen.GetValueOrDefault(source);
        if (halfOpen is not null && (epoch == 0 || datagram[0] == Handshake)) halfOpen.Receive(datagram);
        else if (Table.Find(source) is { } session) Deliver(session, datagram, source);
        else if (!TryPassOn(datagram, source)) Counters.UnknownAddress++;
    }

    /// <summary>A ClientHello: a new client, one that began again, or a repetition.</summary>
    private void ReceiveHello(ReadOnlySpan<byte> datagram, in PeerAddress source)
    {
        Span<byte> key = stackalloc byte[PeerAddress.KeyLength];
        source.WriteKey(key);
        var halfOpen = _halfOpen.GetValueOrDefault(source);
        switch (_verifier.Verify(datagram, key, Loop.Now, Outbox.Next(), out var written))
        {
            case HelloVerdict.Answer:
                Counters.CookiesSent++;
                Commit(written, source);
                break;
            case HelloVerdict.Accept:
                Accept(datagram, source, halfOpen);
                break;
            // A later fragment of a hello whose first was accepted.
            case HelloVerdict.Drop when halfOpen is not null:
                halfOpen.Receive(datagram);
                break;
            default:
                Counters.HellosIgnored++;
                break;
        }
    }

    /// <summary>Gives an association its datagram, record by record.</summary>
    private void Deliver(DatagramSession session, ReadOnlySpan<byte> datagram, in PeerAddress source)
    {
        _receiving = session;
        _source = source;
        try
        {
            var bytes = datagram.Length;
            while (!datagram.IsEmpty && session.Dtls is { } dtls)
            {
                var status = dtls.Receive(datagram, Loop.Now, _shard.Plain, out var consumed, out var written);
                datagram = datagram[consumed..];
                if (dtls.LastRecordIsNewest)
                {
                    Heard(session, source, bytes);
                    bytes = 0;
                }
                else if (written == 0) Counters.RecordsIgnored++;
                if (written > 0)
                {
                    session.AddUp(written);
                    _application.Received(session, _shard.Plain.AsSpan(0, written));
                }
                SendOutput(session);
                if (status == PskTlsStatus.Closed) Ended(session);
                if (consumed == 0) break;
            }
            if (session.IsSettling) session.WatchDeadline();
        }
        catch (Exception exception)
        {
            Fault(session, exception);
        }
        finally
        {
            _receiving = null;
        }
    }

    private void Heard(DatagramSession session, in PeerAddress source, int bytes)
    {
        session.LastHeard = Loop.Now;
        Table.Touch(session);
        if (session.HasConnectionId) session.HeardFrom(source, bytes);
    }

    /// <summary>What the engine itself has to say: its last flight again, an alert.</summary>
    private void SendOutput(DatagramSession session)
    {
        while (session.Dtls is { HasOutput: true } dtls && dtls.Flush(Outbox.Next(), out var written)) session.TryCommit(written);
    }

    /// <summary>The engine says that the association is over.</summary>
    internal void Ended(DatagramSession session)
    {
        SendOutput(session);
        if (session.Dtls is { } dtls) Close(session, dtls.IsWornOut ? CloseReason.WornOut : ReasonOf(dtls.Error), sayGoodbye: false);
    }

    private static CloseReason ReasonOf(TlsError? error) => error switch
    {
        null => CloseReason.PeerClosed,
        { SentByPeer: true } => CloseReason.PeerAlert,
        _ => CloseReason.TlsFailure,
    };
}
