using System.Diagnostics.CodeAnalysis;
using System.Net;
using IotPsk.Net.Buffers;
using IotPsk.Net.Native;
using IotPsk.Net.Reactor;
using IotPsk.Tls;

namespace IotPsk.Net.Sessions;

/// <summary>
/// One client connection and, behind it, one upstream connection: Handshaking, AwaitingPsk, Prologue, Connecting,
/// Relaying, Lingering, each in its own file. Everything runs on the shard's thread. While idle it holds no buffer.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "Free gives the engine back, in every way a session can end.")]
internal sealed partial class TlsSession : PollTarget, IPskAsker
{
    private const int ClientChannel = 0;
    private const int UpstreamChannel = 1;

    private enum State : byte
    {
        Handshaking,
        AwaitingPsk,
        Prologue,
        Connecting,
        Relaying,
        Lingering,
        Closed,
    }

    private readonly Shard _shard;
    private readonly TlsListener _listener;
    private readonly TlsListenerOptions _options;
    private PskTlsServer? _tls;
    private SocketChannel _client = new();
    private SocketChannel _upstream = new();
    private Backlog _input;
    private State _state;
    private bool _isHalfOpen = true;
    private bool _wasConnected;
    private bool _closedReported;

    /// <param name="shard">Whose loop it lives on.</param>
    /// <param name="listener">Entered already; what it is told later does not count here.</param>
    /// <param name="fd">Owned from now on.</param>
    /// <param name="remote">The client.</param>
    internal TlsSession(Shard shard, TlsListener listener, int fd, IPEndPoint remote)
    {
        _shard = shard;
        _listener = listener;
        _options = listener.Options;
        _client.Open(fd);
        Info = new SessionInfo(_options.Name, remote, shard.Loop.UtcNow);
    }

    public SessionInfo Info { get; }

    public bool IsOnLoop => _shard.Loop.IsCurrentThread;

    /// <summary>A device is known: its key was given, though the handshake may not be done.</summary>
    internal bool IsIdentified => Info.Tag is not null && _state != State.Lingering;

    private Span<byte> Wire => _shard.Wire;

    private Span<byte> Plain => _shard.Plain;

    private BufferPool Pool => _shard.Pool;

    private NetLimits Limits => _shard.Services.Limits;

    private INetEvents Events => _shard.Services.Events;

    /// <summary>Takes its place in the loop and reads at once: the hello is often there already.</summary>
    internal void Start()
    {
        try
        {
            _shard.Enter(this);
            Info.Id = _shard.IdOf(Slot);
            _tls = new PskTlsServer(_options.Tls);
            Arm(Limits.HandshakeTimeout);
            Events.Accepted(Info.Listener, Info.Remote);
            _client.AssumeReadable();
            Step();
            // Registered after the first read: whatever came since is reported, and what was read is not.
            if (_client.IsOpen) Watch(ClientChannel, _client.Fd);
        }
        catch (Exception exception)
        {
            OnFault(exception);
        }
    }

    public void Post(LoopWork work) => _shard.Loop.TryPost(work);

    internal override void OnEvents(int channel, uint events)
    {
        if (channel == ClientChannel) _client.Note(events);
        else _upstream.Note(events);
        Step();
    }

    internal override void OnTurn() => Step();

    protected override void OnDeadline()
    {
        switch (_state)
        {
            case State.Handshaking:
                _shard.Counters.HandshakeTimeouts++;
                FailHandshake(HandshakeFailureReason.Timeout, null);
                break;
            case State.AwaitingPsk:
                _shard.Counters.HandshakeTimeouts++;
                FailHandshake(HandshakeFailureReason.ResolverTimeout, null);
                break;
            case State.Prologue:
                EndWithNotify(CloseReason.PrologueTimeout);
                break;
            case State.Connecting:
                ConnectTimedOut();
                break;
            case State.Relaying:
                RelayTimedOut();
                break;
            case State.Lingering:
                Free();
                break;
        }
    }

    internal override void OnFault(Exception exception)
    {
        _shard.Fault(exception);
        try
        {
            Abort(CloseReason.LocalFault);
        }
        catch (Exception another)
        {
            // Everything was given back before the event that threw this.
            _shard.Fault(another);
        }
    }

    /// <summary>Something the owner wants of the session; an exception ends this session alone.</summary>
    internal void Guarded(Action<TlsSession> action)
    {
        try
        {
            action(this);
        }
        catch (Exception exception)
        {
            OnFault(exception);
        }
    }

    /// <summary>Ends the session in whatever state, without another word to anybody.</summary>
    internal void Abort(CloseReason reason)
    {
        if (_state == State.Closed) return;
        if (_wasConnected)
        {
            CloseNow(reason);
            return;
        }
        if (_state == State.Lingering)
        {
            Free();
            return;
        }
        Free();
        ReportFailure(reason == CloseReason.LocalFault ? HandshakeFailureReason.LocalFault : HandshakeFailureReason.ClosedByOwner, null);
    }

    private void Step()
    {
        switch (_state)
        {
            case State.Handshaking:
                Handshake();
                break;
            case State.AwaitingPsk:
                WatchWaitingClient();
                break;
            case State.Prologue:
                ReadPrologue();
                break;
            case State.Connecting:
                ContinueConnect();
                break;
            case State.Relaying:
                Relay();
                break;
            case State.Lingering:
                Linger();
                break;
        }
    }

    private void Watch(int channel, int fd)
    {
        var result = _shard.Loop.Register(this, channel, fd);
        if (result < 0) throw new InvalidOperationException($"epoll_ctl failed: {Errno.Describe(-result)}.");
    }

    private void Arm(TimeSpan delay)
    {
        _idles = false;
        _shard.Loop.Wheel.Arm(this, (long)Math.Ceiling(delay.TotalMilliseconds));
    }

    private void Disarm() => _shard.Loop.Wheel.Cancel(this);

    /// <summary>Gives back everything: descriptors, buffers, secrets, the slot and the places in the counts.</summary>
    private void Free(bool abortUpstream = false)
    {
        if (_state == State.Closed) return;
        _state = State.Closed;
        DropRequest();
        ReleaseEngine();
        _input.Clear(Pool);
        _prologueData.Clear(Pool);
        _prologue = null;
        _client.Close(Pool);
        _upstream.Close(Pool, abortUpstream);
        LeaveHalfOpen();
        _shard.Services.Gate.Left();
        _listener.Leave();
        if (Slot != NotRegistered) _shard.Leave(this);
    }

    private void ReleaseEngine()
    {
        _tls?.Dispose();
        _tls = null;
    }

    private void LeaveHalfOpen()
    {
        if (!_isHalfOpen) return;
        _isHalfOpen = false;
        _shard.Services.Gate.Established(Info.Remote.Address);
    }
}
