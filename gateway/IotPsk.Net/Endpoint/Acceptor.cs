using IotPsk.Net.Native;
using IotPsk.Net.Reactor;
using IotPsk.Net.Sessions;

namespace IotPsk.Net;

/// <summary>One listening socket of one shard. Level-triggered: what a turn does not accept is reported again.</summary>
internal sealed class Acceptor : PollTarget
{
    private const int AcceptsPerTurn = 32;
    private const int RefusalsPerPause = 64;
    private const long PauseMilliseconds = 100;

    private readonly Shard _shard;
    private readonly int _socket;
    private bool _closed;

    internal Acceptor(Shard shard, TlsListener listener, int socket)
    {
        _shard = shard;
        Listener = listener;
        _socket = socket;
    }

    internal TlsListener Listener { get; }

    internal void Start()
    {
        if (!_shard.Loop.Targets.TryAdd(this)) throw new InvalidOperationException("No slot is left for a listener.");
        Watch();
    }

    internal void Close()
    {
        if (_closed) return;
        _closed = true;
        _shard.Loop.Wheel.Cancel(this);
        _shard.Loop.Targets.Remove(this);
        Tcp.Close(_socket);
    }

    internal override void OnEvents(int channel, uint events)
    {
        for (var i = 0; i < AcceptsPerTurn && !_closed; i++)
        {
            var fd = Tcp.Accept(_socket, out var remote);
            if (fd >= 0)
            {
                Admit(fd, remote!);
                continue;
            }
            if (fd == -Errno.EAGAIN) return;
            if (fd is -Errno.EMFILE or -Errno.ENFILE or -Errno.ENOBUFS or -Errno.ENOMEM)
            {
                OutOfDescriptors();
                return;
            }
            // ECONNABORTED and the network's errors belong to that connection alone (accept(2)).
            _shard.Counters.AcceptErrors++;
        }
    }

    internal override void OnTurn()
    {
    }

    internal override void OnFault(Exception exception) => _shard.Fault(exception);

    // The pause is over.
    protected override void OnDeadline() => Watch();

    private void Admit(int fd, System.Net.IPEndPoint remote)
    {
        if (EnterGate(remote) is { } refusal)
        {
            Tcp.Close(fd);
            Count(refusal);
            _shard.Services.Events.Refused(Listener.Name, remote, refusal);
            return;
        }
        _shard.Counters.Accepted++;
        var session = new TlsSession(_shard, Listener, fd, remote);
        session.Start();
    }

    private RefusalReason? EnterGate(System.Net.IPEndPoint remote)
    {
        if (!Listener.TryEnter()) return RefusalReason.TooManyOfListener;
        var refusal = _shard.Services.Gate.Enter(remote.Address);
        if (refusal is not null) Listener.Leave();
        return refusal;
    }

    // Waiting clients are told at once, by a close, instead of hanging in the accept queue; then the socket rests.
    private void OutOfDescriptors()
    {
        var refused = 0;
        var result = 0;
        while (refused < RefusalsPerPause && (result = _shard.RefuseOne(_socket)) == 0) refused++;
        // accept(2) fails for want of a descriptor before it looks whether anybody waits.
        if (refused == 0 && result == -Errno.EAGAIN) return;
        _shard.Counters.NoDescriptors += refused;
        _shard.Loop.Unregister(_socket);
        _shard.Loop.Wheel.Arm(this, PauseMilliseconds);
        _shard.Services.Events.Refused(Listener.Name, Listener.EndPoint, RefusalReason.NoDescriptors);
    }

    private void Watch()
    {
        var result = _shard.Loop.RegisterListener(this, _socket);
        if (result < 0) throw new InvalidOperationException($"epoll_ctl failed for listener '{Listener.Name}': {Errno.Describe(-result)}.");
    }

    private void Count(RefusalReason refusal)
    {
        switch (refusal)
        {
            case RefusalReason.TooManyOfListener:
            case RefusalReason.TooManyConnections: _shard.Counters.RefusedConnections++; break;
            case RefusalReason.TooManyHalfOpen: _shard.Counters.RefusedHalfOpen++; break;
            default: _shard.Counters.RefusedPrefix++; break;
        }
    }
}
