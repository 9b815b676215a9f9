using IotPsk.Net.Native;

namespace IotPsk.Net.Sessions;

/// <summary>
/// Relaying: bytes pass both ways. A side that does not take its bytes stops the reading of the other, so at most one
/// read's worth waits in this process, and TCP carries the pressure on.
/// </summary>
internal sealed partial class TlsSession
{
    private const int RoundsPerTurn = 4;

    private enum UpstreamEnd : byte
    {
        Open,
        Closed,
        Reset,
    }

    private UpstreamEnd _upstreamEnd;
    private bool _upstreamShut;
    private bool _notifySent;
    private bool _clientShut;
    private bool _answersForNobody;
    private long _bytesDownBefore;
    private CloseReason? _firstCause;

    private void Relay()
    {
        for (var round = 0; round < RoundsPerTurn; round++)
        {
            _upstream.Flush(Pool);
            FlushClient();
            var up = PumpUp();
            var down = PumpDown();
            if (EndIfOver()) return;
            if (!up && !down) return;
        }
        _shard.Loop.Continue(this);
    }

    /// <summary>One read from the client to the upstream; true when there may be another at once.</summary>
    private bool PumpUp()
    {
        if (!CanPumpUp) return false;
        var plain = ReadClient();
        if (plain > 0)
        {
            _lastPassed = _shard.Loop.Now;
            _upstream.Send(Pool, Plain[..plain]);
            if (_upstream.IsBlocked) _shard.Counters.Blocked++;
        }
        return CanPumpUp;
    }

    // A client that is told something by the engine and does not take it is not read either: its requests cost memory.
    private bool CanPumpUp => CanReadClient && !_upstream.IsBlocked && !(_client.IsBlocked && _tls!.HasOutput);

    /// <summary>One read from the upstream to the client; true when there may be another at once.</summary>
    private bool PumpDown()
    {
        if (!CanPumpDown) return false;
        var count = _upstream.Receive(Plain[..(_shard.HasRoom ? _chunk : Math.Min(_chunk, SmallestChunk))]);
        if (count > 0)
        {
            _lastPassed = _shard.Loop.Now;
            WriteClient(Plain[..count]);
            AdaptChunk(count);
        }
        else if (count == 0) _upstreamEnd = UpstreamEnd.Closed;
        else if (count != -Errno.EAGAIN) _upstreamEnd = UpstreamEnd.Reset;
        return CanPumpDown;
    }

    private bool CanPumpDown => _upstreamEnd == UpstreamEnd.Open && _upstream.Readable && !_client.IsBlocked;

    // Large reads for a client that keeps up; small ones for one that does not, because their rest has to be kept.
    private void AdaptChunk(int count)
    {
        if (_client.IsBlocked)
        {
            _shard.Counters.Blocked++;
            _chunk = Math.Min(SmallestChunk, _largestChunk);
        }
        else if (count == _chunk) _chunk = Math.Min(_chunk * 4, _largestChunk);
    }

    /// <summary>Carries the end of one side to the other, and ends the session when both are over.</summary>
    private bool EndIfOver()
    {
        if (_clientEnd == ClientEnd.Open && _upstreamEnd == UpstreamEnd.Open)
        {
            // Reading is paused, so nobody else would notice that this client is gone.
            if (!_client.Failed || CanPumpUp) return false;
            ClientIsGone();
            return true;
        }
        if (_clientEnd != ClientEnd.Open) EndOfClient();
        if (_state == State.Relaying && _upstreamEnd != UpstreamEnd.Open) EndOfUpstream();
        return _state != State.Relaying;
    }

    // Whatever it still had to say is lost, so the upstream must not see a clean end either.
    private void ClientIsGone()
    {
        _clientEnd = ClientEnd.Reset;
        CloseNow(CloseReason.PeerReset);
    }

    private void EndOfUpstream()
    {
        _firstCause ??= _upstreamEnd == UpstreamEnd.Closed ? CloseReason.UpstreamClosed : CloseReason.UpstreamReset;
        // A reset may have cut the data short, and a close_notify would say that it did not.
        if (_upstreamEnd == UpstreamEnd.Reset)
        {
            CloseNow(_firstCause.Value);
            return;
        }
        FinishDown();
        if (_clientEnd == ClientEnd.CloseNotify && _clientShut) CloseNow(_firstCause.Value);
    }

    /// <summary>Nothing more goes to the client: close_notify and FIN behind what waits.</summary>
    private void FinishDown()
    {
        if (!_notifySent)
        {
            _notifySent = true;
            SendCloseNotify();
            Arm(Limits.LingerTimeout);
        }
        if (_clientShut || _client.IsBlocked) return;
        _clientShut = true;
        if (!_client.Broken) Tcp.ShutdownWrite(_client.Fd);
    }

    /// <summary>What the client's end means for the rest; before the upstream stands, it is the end.</summary>
    private void EndOfClient()
    {
        _firstCause ??= _clientEnd switch
        {
            ClientEnd.CloseNotify => CloseReason.PeerClosed,
            ClientEnd.Truncated => CloseReason.PeerTruncated,
            ClientEnd.Reset => CloseReason.PeerReset,
            ClientEnd.Alert => CloseReason.PeerAlert,
            _ => CloseReason.TlsFailure,
        };
        if (_state != State.Relaying) EndWithNotify(_firstCause.Value);
        else if (_clientEnd == ClientEnd.CloseNotify) FinishUp();
        else EndUncleanly();
    }

    /// <summary>
    /// RFC 8446 s6.1: close_notify ends one direction only; the upstream may still answer. Nobody can tell a client that
    /// waits for the answer from one that is gone, until something is sent to it or much time has passed.
    /// </summary>
    private void FinishUp()
    {
        if (_client.Broken || _client.Failed) AnswerForNobody();
        if (_state != State.Relaying || _upstreamShut || _upstream.IsBlocked) return;
        _upstreamShut = true;
        if (!_upstream.Broken) Tcp.ShutdownWrite(_upstream.Fd);
        if (IsArmed && !_idles) return;
        _bytesDownBefore = Info.BytesDown;
        Arm(Limits.HalfClosedTimeout);
    }

    // Closing over unread bytes would be a reset, which could cost the upstream what the client sent last. So the answer
    // is read and dropped, within limits.
    private void AnswerForNobody()
    {
        if (!_answersForNobody)
        {
            _answersForNobody = true;
            _bytesDownBefore = Info.BytesDown;
            _client.Drop(Pool);
            Arm(Limits.LingerTimeout);
        }
        if (Info.BytesDown - _bytesDownBefore > LingerBytes) CloseNow(_firstCause!.Value);
    }

    /// <summary>A deadline of a relaying session: one side has ended, and the other took too long.</summary>
    private void RelayTimedOut()
    {
        if (_idles)
        {
            IdleTimedOut();
            return;
        }
        var isAnswering = _clientEnd == ClientEnd.CloseNotify && _upstreamEnd == UpstreamEnd.Open && !_answersForNobody;
        if (isAnswering && Info.BytesDown != _bytesDownBefore)
        {
            _bytesDownBefore = Info.BytesDown;
            Arm(Limits.HalfClosedTimeout);
        }
        else CloseNow(_firstCause ?? CloseReason.UpstreamClosed);
    }

    private void EndUncleanly()
    {
        // What the client did send is delivered first, if the upstream takes it in time.
        if (_upstream.IsBlocked && !AbortsUpstream)
        {
            if (!IsArmed || _idles) Arm(Limits.LingerTimeout);
            return;
        }
        if (_clientEnd == ClientEnd.Failure) EndWithNotify(_firstCause!.Value);
        else CloseNow(_firstCause!.Value);
    }

    // Without a prologue nobody knows whether the protocol marks its ends itself: a FIN could pass for one.
    private bool AbortsUpstream =>
        !_delimitsItself && _clientEnd is ClientEnd.Truncated or ClientEnd.Reset or ClientEnd.Alert or ClientEnd.Failure;
}
