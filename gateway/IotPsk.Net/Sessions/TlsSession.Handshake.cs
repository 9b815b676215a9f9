using IotPsk.Net.Native;
using IotPsk.Tls;

namespace IotPsk.Net.Sessions;

/// <summary>Handshaking: the engine talks to the client.</summary>
internal sealed partial class TlsSession
{
    private string? _rejection;
    private bool _resolverFailed;

    private void Handshake()
    {
        while (_state == State.Handshaking)
        {
            _client.Flush(Pool);
            // A flight the client does not take is waited for: what it sends meanwhile stays in the kernel.
            if (_client.IsBlocked || !_client.Readable) return;
            var have = _input.DrainTo(Pool, Wire);
            var received = _client.Receive(Wire.Slice(have, Shard.RecordSize));
            if (received == -Errno.EAGAIN)
            {
                _input.Append(Pool, Wire[..have]);
                return;
            }
            if (received <= 0)
            {
                FailHandshake(received == 0 ? HandshakeFailureReason.PeerClosed : HandshakeFailureReason.PeerReset, null);
                return;
            }
            AdvanceHandshake(Wire[..(have + received)]);
        }
    }

    /// <summary>Feeds the engine until it wants more than <paramref name="wire"/>, a key, or nothing any more.</summary>
    private void AdvanceHandshake(ReadOnlySpan<byte> wire)
    {
        while (true)
        {
            // The engine reads from Wire, so its answer goes through the other scratch buffer.
            var status = _tls!.Handshake(wire, Plain, out var consumed, out var written);
            wire = wire[consumed..];
            if (status == PskTlsStatus.Closed)
            {
                EndHandshake(Plain[..written]);
                return;
            }
            _client.Send(Pool, Plain[..written]);
            switch (status)
            {
                case PskTlsStatus.Complete:
                    _input.Append(Pool, wire);
                    HandshakeDone();
                    return;
                case PskTlsStatus.NeedMoreData:
                    _input.Append(Pool, wire);
                    return;
                case PskTlsStatus.NeedsPsk:
                    if (AskForPsk()) continue;
                    _input.Append(Pool, wire);
                    _state = State.AwaitingPsk;
                    WatchWaitingClient();
                    return;
                case PskTlsStatus.DestinationTooSmall when written > 0:
                    continue;
                default:
                    throw new InvalidOperationException($"The engine answered {status} to {wire.Length} bytes and {Plain.Length} bytes of room.");
            }
        }
    }

    private void HandshakeDone()
    {
        _request = null;
        _wasConnected = true;
        LeaveHalfOpen();
        _shard.Counters.HandshakesCompleted++;
        _shard.Counters.SessionsOpened++;
        Info.Connected(_tls!.Session!, _shard.Loop.UtcNow);
        FlushEngine();
        SetChunk();
        if (Info.Tag is { } tag) _shard.Services.Resolver.Verified(tag);
        Events.Connected(Info);
        if (MakePrologue() is { } prologue) BeginPrologue(prologue);
        else
        {
            QueueGreeting();
            Connect();
        }
    }

    private void EndHandshake(ReadOnlySpan<byte> alert)
    {
        var error = _tls!.Error;
        var reason = _resolverFailed ? HandshakeFailureReason.ResolverFailed
            : _rejection is not null ? HandshakeFailureReason.Rejected
            : HandshakeFailureReason.Tls;
        FailHandshake(reason, error, alert);
    }

    /// <summary>Ends a connection that never became a session; an alert gets time to arrive. It is counted and told before the client can know.</summary>
    private void FailHandshake(HandshakeFailureReason reason, TlsError? error, ReadOnlySpan<byte> alert = default)
    {
        ReportFailure(reason, error);
        _client.Send(Pool, alert);
        if (!alert.IsEmpty && !_client.Broken && !_shard.IsStopping) BeginLinger();
        else Free();
    }

    private void ReportFailure(HandshakeFailureReason reason, TlsError? error)
    {
        if (_closedReported) return;
        _closedReported = true;
        _shard.Counters.HandshakesFailed++;
        var detail = reason is HandshakeFailureReason.Rejected or HandshakeFailureReason.ResolverFailed ? _rejection : null;
        if (error is not null && (Info.Tag is not null || _rejection is not null)) _shard.Services.Resolver.Failed(Info.Tag, error);
        Events.HandshakeFailed(new HandshakeFailure(Info.Listener, Info.Remote, reason, error, detail, Info.Tag));
    }
}
