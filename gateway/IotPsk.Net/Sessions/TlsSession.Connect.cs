using IotPsk.Net.Native;

namespace IotPsk.Net.Sessions;

/// <summary>Connecting: the upstream is being reached; the client is not read meanwhile.</summary>
internal sealed partial class TlsSession
{
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
        Tcp.SetOption(fd, Linux.IPPROTO_TCP, Linux.TCP_NODELAY, 1);
        var result = Tcp.Connect(fd, _options.Upstream);
        if (result < 0 && result != -Errno.EINPROGRESS)
        {
            UpstreamUnreachable(CloseReason.UpstreamUnreachable, -result);
            return;
        }
        Arm(Limits.ConnectTimeout);
        // Even a connection that stands at once is announced: registering reports the socket writable.
        Watch(UpstreamChannel, fd);
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
