using System.Net;
using IotPsk.Net.Native;

namespace IotPsk.Net.Sessions;

/// <summary>Connecting: the upstream is being reached; the client is not read meanwhile.</summary>
internal sealed partial class TlsSession
{
    private static readonly TimeSpan BusyPause = TimeSpan.FromMilliseconds(20);

    // How often the accept queue of a Unix socket was full: its connect() does not wait.
    private ushort _busyTries;

    /// <summary>First of all that the upstream gets.</summary>
    private void QueueGreeting()
    {
        if (_options.Greeting is not { } greeting) return;
        var scratch = _shard.Greeting;
        try
        {
            greeting(Info, Tcp.LocalEndPoint(_client.Fd), scratch);
            _upstream.Queue(Pool, scratch.Written);
        }
        finally
        {
            scratch.Clear();
        }
    }

    private void Connect()
    {
        _state = State.Connecting;
        var fd = Tcp.Open(_options.Upstream);
        if (fd < 0)
        {
            UpstreamUnreachable(CloseReason.UpstreamUnreachable, -fd);
            return;
        }
        _upstream.Open(fd);
        if (_options.Upstream is IPEndPoint) Tcp.SetOption(fd, Linux.IPPROTO_TCP, Linux.TCP_NODELAY, 1);
        TryConnect();
    }

    private void TryConnect()
    {
        var result = Tcp.Connect(_upstream.Fd, _options.Upstream);
        _busyTries = result == -Errno.EAGAIN ? (ushort)(_busyTries + 1) : (ushort)0;
        if (_busyTries > 0 && _busyTries * BusyPause < Limits.ConnectTimeout)
        {
            Arm(BusyPause);
            return;
        }
        if (result < 0 && result != -Errno.EINPROGRESS)
        {
            UpstreamUnreachable(CloseReason.UpstreamUnreachable, -result);
            return;
        }
        Arm(Limits.ConnectTimeout);
        // Even a connection that stands at once is announced: registering reports the socket writable.
        Watch(UpstreamChannel, _upstream.Fd);
    }

    private void ConnectTimedOut()
    {
        if (_busyTries > 0) TryConnect();
        else UpstreamUnreachable(CloseReason.UpstreamTimeout, Errno.ETIMEDOUT);
    }

    private void ContinueConnect()
    {
        _client.Flush(Pool);
        if (_upstream.Hangup)
        {
            var error = Tcp.PendingError(_upstream.Fd);
            if (error != 0)
            {
                UpstreamUnreachable(CloseReason.UpstreamUnreachable, -error);
                return;
            }
        }
        if (_upstream.Announced)
        {
            _shard.Counters.UpstreamConnects++;
            _prologue = null;
            _state = State.Relaying;
            Disarm();
            BeginIdling();
            _inputPending = !_input.IsEmpty;
            Relay();
            return;
        }
        // A FIN alone may follow data that is still to be delivered; an error cannot.
        if (_client.Failed || _client.Broken) ClientIsGone();
    }

    private void UpstreamUnreachable(CloseReason reason, int errno)
    {
        _shard.Counters.UpstreamFailures++;
        Events.UpstreamFailed(Info, _options.Upstream, Errno.Describe(errno));
        if (_prologue is { } prologue)
        {
            prologue.UpstreamFailed(_shard.Reply);
            WriteClient(_shard.Reply.Written);
            _shard.Reply.Clear();
        }
        EndWithNotify(reason);
    }
}
