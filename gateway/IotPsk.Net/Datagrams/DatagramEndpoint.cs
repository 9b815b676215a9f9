using System.Diagnostics.CodeAnalysis;
using IotPsk.Net.Limits;
using IotPsk.Net.Native;
using IotPsk.Net.Reactor;
using IotPsk.Net.Timers;
using IotPsk.Tls;

namespace IotPsk.Net.Datagrams;

/// <summary>
/// One UDP socket of one shard, and the associations it owns. Level-triggered: what a turn does not take is reported again.
/// Datagrams come in batches and what they cause leaves in one.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "Close gives the socket and the buffers back.")]
internal sealed partial class DatagramEndpoint : PollTarget
{
    internal const int LargestDatagram = DatagramListenerOptions.LargestDatagram;

    private const int BatchSize = 32;
    private const int BatchesPerTurn = 4;

    private readonly Shard _shard;
    private readonly DatagramListener _listener;
    private readonly IDatagramApplication _application;
    private readonly DatagramShard _context;
    private readonly DatagramEndpoint[] _siblings;
    private readonly HelloVerifier _verifier = new();
    private readonly DatagramInbox _inbox = new(BatchSize, LargestDatagram);
    private readonly Dictionary<PeerAddress, HalfOpen> _halfOpen = new(new PeerAddressComparer());
    private readonly int _socket;
    private DatagramSession? _receiving;
    private PeerAddress _source;
    private bool _closed;

    /// <param name="shard">Whose loop it lives on.</param>
    /// <param name="listener">What all endpoints of the port share.</param>
    /// <param name="siblings">The endpoints of the port by their shards' numbers, this one among them once all are made.</param>
    /// <param name="socket">Owned from now on.</param>
    internal DatagramEndpoint(Shard shard, DatagramListener listener, DatagramEndpoint[] siblings, int socket)
    {
        _shard = shard;
        _listener = listener;
        _siblings = siblings;
        _socket = socket;
        _idle = new IdleTimer(this);
        _arrivals = new HandOverPool(this);
        Outbox = new DatagramOutbox(socket, BatchSize, listener.Options.Mtu, shard.DatagramCounters);
        _context = new DatagramShard(this);
        PathTimeoutMilliseconds = (long)Math.Ceiling(listener.Options.Limits.PathTimeout.TotalMilliseconds);
        _application = listener.Options.Application(_context);
    }

    internal string Name => _listener.Name;

    internal DatagramListener Listener => _listener;

    internal int ShardIndex => _shard.Index;

    internal EventLoop Loop => _shard.Loop;

    internal TimerWheel Wheel => _shard.Loop.Wheel;

    internal DatagramCounters Counters => _shard.DatagramCounters;

    internal SessionTable Table { get; } = new();

    internal DatagramOutbox Outbox { get; }

    internal long PathTimeoutMilliseconds { get; }

    private ConnectionGate Gate => _listener.Gate;

    private INetEvents Events => _shard.Services.Events;

    private IPskResolver Resolver => _shard.Services.Resolver;

    internal void Start()
    {
        if (!Loop.Targets.TryAdd(this)) throw new InvalidOperationException("No slot is left for a listener.");
        var result = Loop.RegisterListener(this, _socket);
        if (result < 0) throw new InvalidOperationException($"epoll_ctl failed for listener '{Name}': {Errno.Describe(-result)}.");
    }

    /// <summary>Ends everything: devices hear close_notify if <paramref name="sayGoodbye"/>.</summary>
    internal void Close(bool sayGoodbye)
    {
        if (_closed) return;
        foreach (var halfOpen in _halfOpen.Values.ToArray()) Fail(halfOpen, HandshakeFailureReason.ClosedByOwner);
        foreach (var session in Sessions()) Close(session, CloseReason.Stopping, sayGoodbye);
        Release();
    }

    internal override void OnEvents(int channel, uint events)
    {
        for (var batch = 0; batch < BatchesPerTurn && !_closed; batch++)
        {
            var count = _inbox.Receive(_socket);
            if (count < 0)
            {
                // What an ICMP message left behind (ip(7)) is of no connection in particular.
                if (count != -Errno.EAGAIN) Counters.ReceiveErrors++;
                break;
            }
            for (var i = 0; i < count && !_closed; i++) Take(i);
            if (count < _inbox.Capacity) break;
        }
        if (!_closed) Outbox.Flush();
    }

    /// <summary>Something was put in line outside of a batch.</summary>
    internal override void OnTurn()
    {
        if (!_closed) Outbox.Flush();
    }

    internal override void OnFault(Exception exception) => _shard.Fault(exception);

    protected override void OnDeadline()
    {
    }

    /// <summary>Puts what is in <see cref="DatagramOutbox.Next"/> in line; it leaves within this turn of the loop.</summary>
    internal void Commit(int length, in PeerAddress destination)
    {
        Outbox.Commit(length, destination);
        Loop.Continue(this);
    }

    /// <summary>A datagram of this session and from this address is being handled.</summary>
    internal bool IsReceivingFrom(DatagramSession session, in PeerAddress address) => ReferenceEquals(_receiving, session) && _source == address;

    /// <summary>Runs what another thread wants of a session.</summary>
    internal void Run(DatagramSession session, Action<DatagramSession> action)
    {
        if (!session.IsOpen) return;
        try
        {
            action(session);
        }
        catch (Exception exception)
        {
            Fault(session, exception);
        }
    }

    /// <summary>Runs what another thread wants of the application.</summary>
    internal void Run(Action action)
    {
        if (_closed) return;
        try
        {
            action();
        }
        catch (Exception exception)
        {
            _shard.Fault(exception);
        }
    }

    internal void Alarm() => Run(_application.Alarm);

    private void Take(int index)
    {
        Counters.Received++;
        if (!_inbox.TryGet(index, out var datagram, out var source)) Counters.Oversized++;
        else Receive(datagram, source);
    }

    internal void Fault(DatagramSession session, Exception exception)
    {
        _shard.Fault(exception);
        Close(session, CloseReason.LocalFault, sayGoodbye: false);
    }

    private void Release()
    {
        _closed = true;
        Wheel.Cancel(_idle);
        _context.Close();
        Outbox.Flush();
        Outbox.Dispose();
        _inbox.Dispose();
        if (Slot != NotRegistered) Loop.Targets.Remove(this);
        Tcp.Close(_socket);
    }
}
