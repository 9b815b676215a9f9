using IotPsk.Net.Buffers;
using IotPsk.Net.Datagrams;
using IotPsk.Net.Limits;
using IotPsk.Net.Native;
using IotPsk.Net.Reactor;
using IotPsk.Net.Sessions;

namespace IotPsk.Net;

/// <summary>One event loop with what its sessions share: scratch buffers, a pool, counters, a spare descriptor.</summary>
internal sealed class Shard : IDisposable
{
    /// <summary>Most wire bytes read from a client at once, beyond a partial record.</summary>
    internal const int ClientChunk = 64 * 1024;

    /// <summary>Most plaintext read from an upstream at once: large, because each send costs its own acknowledgements.</summary>
    internal const int UpstreamChunk = 256 * 1024;

    /// <summary>Room for one record, and the least that is read at once.</summary>
    internal const int RecordSize = 17 * 1024;

    // As many bytes as buffers may hold while sessions still read in large chunks.
    private const int PlentyOfRoom = 16 * 1024 * 1024;

    // A session id: shard, generation of the slot, slot.
    internal const int IndexShift = 56;
    private const int SlotBits = 24;

    private readonly List<Acceptor> _acceptors = [];
    private readonly List<DatagramEndpoint> _endpoints = [];
    private int _spare;

    internal Shard(int index, ShardServices services)
    {
        Index = index;
        Services = services;
        Loop = new EventLoop($"iotpsk shard {index}", services.Time, Fault);
        Wire = GC.AllocateUninitializedArray<byte>(UpstreamChunk + RecordSize, pinned: true);
        Plain = GC.AllocateUninitializedArray<byte>(UpstreamChunk + RecordSize, pinned: true);
        _spare = OpenSpare();
    }

    internal int Index { get; }

    internal ShardServices Services { get; }

    internal EventLoop Loop { get; }

    internal BufferPool Pool { get; } = new();

    internal ShardCounters Counters { get; } = new();

    internal DatagramCounters DatagramCounters { get; } = new();

    /// <summary>The UDP ports of this shard.</summary>
    internal IReadOnlyList<DatagramEndpoint> Endpoints => _endpoints;

    /// <summary>Records, on the way in or out. Whatever is left of them after a callback belongs to no one.</summary>
    internal byte[] Wire { get; }

    /// <summary>Plaintext, on the way in or out.</summary>
    internal byte[] Plain { get; }

    internal ScratchWriter ForUpstream { get; } = new();

    internal ScratchWriter Greeting { get; } = new();

    internal ScratchWriter Reply { get; } = new();

    /// <summary>Few sessions are blocked: a large chunk that a client does not take can be kept.</summary>
    internal bool HasRoom => Pool.BytesInUse < PlentyOfRoom;

    internal bool IsStopping { get; private set; }

    internal int SessionCount { get; private set; }

    /// <summary>Unique while the set lives: shard, generation of the slot, slot.</summary>
    internal long IdOf(int slot) => ((long)Index << IndexShift) | ((long)Loop.Targets.Generation(slot) << SlotBits) | (uint)slot;

    /// <summary>The session with this id; null if it is gone.</summary>
    internal TlsSession? Find(long id) =>
        Loop.Targets.At((int)(id & ((1 << SlotBits) - 1))) is TlsSession session && session.Info.Id == id ? session : null;

    internal void Enter(TlsSession session)
    {
        if (!Loop.Targets.TryAdd(session)) throw new InvalidOperationException($"A shard holds {TargetTable.MaxSlots} connections at most.");
        SessionCount++;
    }

    internal void Leave(TlsSession session)
    {
        Loop.Wheel.Cancel(session);
        Loop.Targets.Remove(session);
        SessionCount--;
        StopIfEmpty();
    }

    internal void Open(TlsListener listener, int socket)
    {
        if (IsStopping)
        {
            Tcp.Close(socket);
            return;
        }
        var acceptor = new Acceptor(this, listener, socket);
        _acceptors.Add(acceptor);
        acceptor.Start();
    }

    /// <summary>Takes associations of an earlier run in, and then datagrams; false if the shard is stopping.</summary>
    internal bool Open(DatagramEndpoint endpoint, DatagramSnapshot? snapshot)
    {
        if (IsStopping)
        {
            endpoint.Close(sayGoodbye: false);
            return false;
        }
        _endpoints.Add(endpoint);
        if (snapshot is not null) endpoint.Restore(snapshot);
        endpoint.Start();
        return true;
    }

    internal (byte[] Plain, int Count) Suspend(DatagramListener listener, Func<SessionInfo, byte[]?> saveTag)
    {
        var endpoint = _endpoints.Find(each => ReferenceEquals(each.Listener, listener));
        if (endpoint is null) return ([], 0);
        _endpoints.Remove(endpoint);
        return endpoint.Suspend(saveTag);
    }

    internal void Close(DatagramListener listener)
    {
        foreach (var endpoint in _endpoints)
            if (ReferenceEquals(endpoint.Listener, listener)) endpoint.Close(sayGoodbye: true);
        _endpoints.RemoveAll(endpoint => ReferenceEquals(endpoint.Listener, listener));
    }

    internal void Close(TlsListener listener)
    {
        foreach (var acceptor in _acceptors)
            if (ReferenceEquals(acceptor.Listener, listener)) acceptor.Close();
        _acceptors.RemoveAll(acceptor => ReferenceEquals(acceptor.Listener, listener));
    }

    /// <summary>Calls <paramref name="visit"/> for every session; it may end the session it is given.</summary>
    internal void ForEachSession(Action<TlsSession> visit)
    {
        for (var slot = 0; slot < Loop.Targets.HighWater; slot++)
            if (Loop.Targets.At(slot) is TlsSession session) visit(session);
    }

    /// <summary>Accepts nothing more, says close_notify to everybody, and ends when all are gone or <paramref name="drain"/> is over.</summary>
    internal void Stop(TimeSpan drain)
    {
        if (IsStopping) return;
        IsStopping = true;
        _acceptors.ForEach(acceptor => acceptor.Close());
        _acceptors.Clear();
        // An association has nothing in flight that could be waited for.
        _endpoints.ForEach(endpoint => endpoint.Close(sayGoodbye: true));
        _endpoints.Clear();
        if (drain > TimeSpan.Zero)
        {
            ForEachSession(session => session.Guarded(s => s.BeginStop(drain)));
            Loop.Wheel.Arm(new StopTimer(this), (long)drain.TotalMilliseconds);
        }
        else CloseAll();
        StopIfEmpty();
    }

    /// <summary>Cuts a drain short.</summary>
    internal void StopNow()
    {
        if (!IsStopping) Stop(TimeSpan.Zero);
        else CloseAll();
    }

    /// <summary>
    /// Gives the spare descriptor away for a moment to accept one connection and close it; 0, or the negated errno of the
    /// accept: -EAGAIN when nobody waits.
    /// </summary>
    internal int RefuseOne(int listener)
    {
        if (_spare >= 0) Tcp.Close(_spare);
        var fd = Tcp.Accept(listener, out _);
        if (fd >= 0) Tcp.Close(fd);
        _spare = OpenSpare();
        return Math.Min(fd, 0);
    }

    internal void Fault(Exception exception)
    {
        Counters.Faults++;
        try
        {
            Services.Events.Fault(exception);
        }
        catch (Exception)
        {
            // The sink for faults is itself at fault; the counter is what remains.
        }
    }

    public void Dispose()
    {
        Loop.Dispose();
        if (_spare >= 0) Tcp.Close(_spare);
        _spare = -1;
    }

    private void CloseAll() => ForEachSession(session => session.Guarded(static s => s.StopNow()));

    private void StopIfEmpty()
    {
        if (IsStopping && SessionCount == 0) Loop.Stop();
    }

    private static int OpenSpare() => Libc.EventFd(0, Linux.EFD_CLOEXEC);

    private sealed class StopTimer(Shard shard) : Timers.TimerNode
    {
        internal override void OnTimer() => shard.CloseAll();
    }
}

/// <summary>What all shards of a set share.</summary>
internal sealed record ShardServices(CurrentLimits Current, IPskResolver Resolver, INetEvents Events, TimeProvider Time, ConnectionGate Gate)
{
    internal NetLimits Limits => Current.Value;
}
