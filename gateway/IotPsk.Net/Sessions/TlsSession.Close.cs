using IotPsk.Net.Native;
using IotPsk.Tls;

namespace IotPsk.Net.Sessions;

/// <summary>The ways out: at once, with close_notify, and the linger that lets the last bytes arrive.</summary>
internal sealed partial class TlsSession
{
    /// <summary>Most a client may still send while its connection is being closed, in bytes.</summary>
    private const int LingerBytes = 1 << 20;

    private int _lingered;

    /// <summary>The owner closes a session: close_notify, whatever its state.</summary>
    internal void CloseByOwner(CloseReason reason)
    {
        if (_state is State.Closed or State.Lingering) return;
        if (_wasConnected) EndWithNotify(reason);
        else Abort(reason);
    }

    /// <summary>
    /// Part of a graceful stop. A relaying session hears close_notify and may still finish its own direction until
    /// <paramref name="drain"/> is over; everybody else ends now.
    /// </summary>
    internal void BeginStop(TimeSpan drain)
    {
        if (_state != State.Relaying)
        {
            CloseByOwner(CloseReason.Stopping);
            return;
        }
        if (_upstreamEnd == UpstreamEnd.Open)
        {
            _firstCause ??= CloseReason.Stopping;
            _upstreamEnd = UpstreamEnd.Closed;
        }
        if (EndIfOver()) return;
        Arm(drain);
    }

    /// <summary>The shard ends: close_notify if it can be sent without waiting.</summary>
    internal void StopNow()
    {
        if (_wasConnected && !_notifySent && !_client.IsBlocked && _state != State.Lingering) SendCloseNotify();
        Abort(CloseReason.Stopping);
    }

    /// <summary>Both connections end now; for the client it is a truncation unless close_notify was exchanged.</summary>
    private void CloseNow(CloseReason reason)
    {
        var error = _tls?.Error;
        Free(AbortsUpstream && !_upstreamShut);
        ReportClosed(reason, error);
    }

    /// <summary>The upstream ends now, the client hears close_notify (or the alert that is on its way) and gets time to take it.</summary>
    private void EndWithNotify(CloseReason reason)
    {
        // Who sees the end finds it counted.
        ReportClosed(reason, _tls?.Error);
        if (!_notifySent) SendCloseNotify();
        _notifySent = true;
        _upstream.Close(Pool, AbortsUpstream && !_upstreamShut);
        if (_client.Broken || _clientEnd is ClientEnd.Truncated or ClientEnd.Reset or ClientEnd.Alert) Free();
        else BeginLinger();
    }

    private void ReportClosed(CloseReason reason, TlsError? error)
    {
        if (_closedReported) return;
        _closedReported = true;
        Info.IsOver = true;
        _shard.Counters.SessionsClosed++;
        Events.Closed(Info, reason, error);
    }

    /// <summary>
    /// A socket closed with unread bytes sends RST, which may overtake the alert: so FIN first, and what still comes is
    /// read and dropped until the client closes.
    /// </summary>
    private void BeginLinger()
    {
        _state = State.Lingering;
        DropRequest();
        ReleaseEngine();
        _input.Clear(Pool);
        _prologueData.Clear(Pool);
        _prologue = null;
        Arm(Limits.LingerTimeout);
        // The last read may have left more than it took.
        _client.AssumeReadable();
        Linger();
    }

    private void Linger()
    {
        _client.Flush(Pool);
        if (!_client.IsBlocked && !_clientShut)
        {
            _clientShut = true;
            if (!_client.Broken) Tcp.ShutdownWrite(_client.Fd);
        }
        while (_client.Readable)
        {
            var count = _client.Receive(Wire);
            if (count == -Errno.EAGAIN) return;
            _lingered += Math.Max(count, 0);
            if (count <= 0 || _lingered > LingerBytes)
            {
                Free();
                return;
            }
        }
    }
}
