using IotPsk.Net.Datagrams;
using IotPsk.Net.Limits;
using IotPsk.Net.Native;
using IotPsk.Net.Reactor;

namespace IotPsk.Net;

/// <summary>
/// The event loops of the process, one per core and each one thread, and the TLS-PSK listeners on them. Safe to use from
/// any thread.
/// </summary>
public sealed class ShardSet : IDisposable, IDatagramPorts
{
    private const int MaxShards = 127;
    private readonly Shard[] _shards;
    private readonly ShardServices _services;
    private readonly Lock _gate = new();
    private Task? _stopped;

    /// <summary>Starts the loops.</summary>
    /// <param name="limits">What peers may use.</param>
    /// <param name="resolver">Finds keys.</param>
    /// <param name="time">The clock of every time-out; <see cref="TimeProvider.System"/> but in tests.</param>
    /// <param name="events">Hears what happens.</param>
    /// <param name="shards">Number of loops, 1..127; 0 is one per core.</param>
    /// <exception cref="ArgumentOutOfRangeException">A limit or the number of shards is out of its range.</exception>
    public ShardSet(NetLimits limits, IPskResolver resolver, TimeProvider time, INetEvents events, int shards = 0)
    {
        ArgumentNullException.ThrowIfNull(limits);
        ArgumentNullException.ThrowIfNull(resolver);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(events);
        ArgumentOutOfRangeException.ThrowIfNegative(shards);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(shards, MaxShards);
        limits.Validate();
        var current = new CurrentLimits(limits);
        _services = new ShardServices(current, resolver, events, time, new ConnectionGate(current));
        var count = shards == 0 ? Math.Min(Environment.ProcessorCount, MaxShards) : shards;
        _shards = [.. Enumerable.Range(0, count).Select(index => new Shard(index, _services))];
        foreach (var shard in _shards) shard.Loop.Start();
    }

    internal IReadOnlyList<Shard> Shards => _shards;

    /// <summary>
    /// Changes the limits for whatever begins from now on: nobody is sent away who was admitted. <see cref="NetLimits.KeepAlive"/> counts for
    /// listeners opened later.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">A limit is out of its range.</exception>
    public void UpdateLimits(NetLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        limits.Validate();
        _services.Current.Value = limits;
    }

    /// <summary>Opens a port on every shard. Clients are accepted from the moment this returns.</summary>
    /// <exception cref="ListenException">The address cannot be had; the message names it and says why.</exception>
    /// <exception cref="ObjectDisposedException">The shards are stopping.</exception>
    public TlsListener Listen(TlsListenerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ObjectDisposedException.ThrowIf(_stopped is not null, this);
        options.Validate();
        var sockets = ListenSocket.OpenGroup(options.Name, options.Listen, _shards.Length, _services.Limits.KeepAlive, out var bound);
        var listener = new TlsListener(options, bound, Close);
        for (var i = 0; i < _shards.Length; i++)
        {
            var (shard, socket) = (_shards[i], sockets[i]);
            shard.Loop.TryPost(new DelegateWork(() => shard.Open(listener, socket), () => Tcp.Close(socket)));
        }
        return listener;
    }

    /// <summary>Opens a UDP port on every shard. Datagrams are taken from the moment this returns.</summary>
    /// <param name="options">The port and what stands behind it.</param>
    /// <param name="snapshot">Associations of an earlier run, which go on as if nothing had happened; used up and disposed.</param>
    /// <exception cref="ListenException">The address cannot be had; the message names it and says why.</exception>
    /// <exception cref="ObjectDisposedException">The shards are stopping.</exception>
    /// <exception cref="InvalidOperationException">Called on a shard's thread, which would wait for itself.</exception>
    public DatagramListener Listen(DatagramListenerOptions options, DatagramSnapshot? snapshot = null)
    {
        using var loading = snapshot;
        ThrowOnShard();
        ArgumentNullException.ThrowIfNull(options);
        ObjectDisposedException.ThrowIf(_stopped is not null, this);
        options.Validate();
        var sockets = DatagramSocketGroup.Open(options.Name, options.Listen, _shards.Length, out var bound);
        var listener = new DatagramListener(options, bound, _services.Current, this);
        var endpoints = MakeEndpoints(listener, sockets);
        var opened = _shards.Zip(endpoints).Select(pair => Open(pair.First, pair.Second, snapshot)).ToArray();
        // The snapshot's keys are zeroed before this returns, so all must have read them.
        Task.WhenAll(opened).GetAwaiter().GetResult();
        return listener;
    }

    /// <summary>
    /// Ends every session with close_notify for which <paramref name="predicate"/> holds, within one turn of its loop, and
    /// returns how many. Asked are connections whose device is known (<see cref="SessionInfo.Tag"/> set), also those whose
    /// handshake is not done yet. The predicate runs on the shards' threads, in parallel.
    /// </summary>
    public async Task<int> CloseSessionsAsync(Func<SessionInfo, bool> predicate, CloseReason reason)
    {
        ArgumentNullException.ThrowIfNull(predicate);
        var counts = await Task.WhenAll(_shards.Select(shard => OnShard(shard, () => Close(shard, predicate, reason))));
        return counts.Sum();
    }

    /// <summary><see cref="CloseSessionsAsync"/>, waiting for the result. Not on a shard's thread.</summary>
    /// <exception cref="InvalidOperationException">Called on a shard's thread, which would wait for itself.</exception>
    public int CloseSessions(Func<SessionInfo, bool> predicate, CloseReason reason)
    {
        ThrowOnShard();
        return CloseSessionsAsync(predicate, reason).GetAwaiter().GetResult();
    }

    /// <summary>Ends the session with this <see cref="SessionInfo.Id"/> as <see cref="CloseSessionsAsync"/> does; false if it is gone already.</summary>
    public Task<bool> CloseSessionAsync(long id, CloseReason reason)
    {
        var index = (int)(id >> Shard.IndexShift);
        return (uint)index < (uint)_shards.Length ? OnShard(_shards[index], () => Close(_shards[index], id, reason)) : Task.FromResult(false);
    }

    /// <summary>
    /// Answers a session whose prologue waits (<see cref="PrologueStatus.Wait"/>), and ends it by close_notify. From any thread, without waiting.
    /// </summary>
    /// <param name="id">Its <see cref="SessionInfo.Id"/>.</param>
    /// <param name="reply">Plaintext for the client; not copied before it goes into records.</param>
    /// <param name="done">Called once: with true when the reply went into records, with false when the session is gone. The reply is not needed afterwards.</param>
    public void Reply(long id, ReadOnlyMemory<byte> reply, Action<bool> done)
    {
        ArgumentNullException.ThrowIfNull(done);
        var index = (int)(id >> Shard.IndexShift);
        if ((uint)index >= (uint)_shards.Length)
        {
            done(false);
            return;
        }
        _shards[index].Loop.TryPost(new DelegateWork(() =>
        {
            var given = false;
            try
            {
                _shards[index].Find(id)?.Guarded(session => given = session.Reply(reply.Span));
            }
            finally
            {
                done(given);
            }
        }, () => done(false)));
    }

    /// <summary>Done when every loop has taken a turn.</summary>
    public Task PingAsync() => Task.WhenAll(_shards.Select(shard => OnShard(shard, static () => true)));

    /// <summary>The sessions whose handshake is done, as they are in one turn of each loop.</summary>
    public async Task<IReadOnlyList<SessionInfo>> GetSessionsAsync()
    {
        var lists = await Task.WhenAll(_shards.Select(shard => OnShard(shard, () => Snapshot(shard))));
        return [.. lists.SelectMany(list => list ?? [])];
    }

    /// <summary>Sums the counters.</summary>
    public NetMetrics ReadMetrics() => new(_shards, _services.Gate);

    /// <summary>Sums the counters of the UDP ports.</summary>
    public DatagramMetrics ReadDatagramMetrics() => new(_shards.Select(shard => shard.DatagramCounters));

    /// <summary>
    /// Stops accepting, says close_notify to every client, lets them finish what they were sending for
    /// <paramref name="drain"/>, and ends the loops. Zero ends at once. Only the first call counts.
    /// </summary>
    public Task StopAsync(TimeSpan drain)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(drain, TimeSpan.Zero);
        lock (_gate)
        {
            if (_stopped is not null) return _stopped;
            foreach (var shard in _shards) shard.Loop.TryPost(new DelegateWork(() => shard.Stop(drain)));
            return _stopped = Task.Factory.StartNew(DisposeShards, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
    }

    /// <summary>Ends everything at once.</summary>
    public void Dispose()
    {
        ThrowOnShard();
        foreach (var shard in _shards) shard.Loop.TryPost(new DelegateWork(() => shard.StopNow()));
        StopAsync(TimeSpan.Zero).GetAwaiter().GetResult();
    }

    private void DisposeShards()
    {
        foreach (var shard in _shards) shard.Dispose();
    }

    private Task<bool[]> Close(TlsListener listener) => Task.WhenAll(_shards.Select(shard => OnShard(shard, () =>
    {
        shard.Close(listener);
        return true;
    })));

    private DatagramEndpoint[] MakeEndpoints(DatagramListener listener, int[] sockets)
    {
        var endpoints = new DatagramEndpoint[_shards.Length];
        try
        {
            for (var i = 0; i < _shards.Length; i++) endpoints[i] = new DatagramEndpoint(_shards[i], listener, endpoints, sockets[i]);
            return endpoints;
        }
        catch
        {
            // The application could not be made.
            Array.ForEach(sockets, Tcp.Close);
            throw;
        }
    }

    Task IDatagramPorts.CloseAsync(DatagramListener listener) => Task.WhenAll(_shards.Select(shard => OnShard(shard, () =>
    {
        shard.Close(listener);
        return true;
    })));

    Task<(byte[] Plain, int Count)[]> IDatagramPorts.SuspendAsync(DatagramListener listener, Func<SessionInfo, byte[]?> saveTag) =>
        Task.WhenAll(_shards.Select(shard => OnShard(shard, () => shard.Suspend(listener, saveTag))));

    private static Task<bool> Open(Shard shard, DatagramEndpoint endpoint, DatagramSnapshot? snapshot)
    {
        var result = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        shard.Loop.TryPost(new DelegateWork(() => Complete(result!, () => shard.Open(endpoint, snapshot)), () =>
        {
            endpoint.Close(sayGoodbye: false);
            result.SetResult(false);
        }));
        return result.Task;
    }

    private static int Close(Shard shard, Func<SessionInfo, bool> predicate, CloseReason reason)
    {
        var count = shard.Endpoints.Sum(endpoint => endpoint.Close(predicate, reason));
        shard.ForEachSession(session =>
        {
            if (!session.IsIdentified || !predicate(session.Info)) return;
            session.Guarded(s => s.CloseByOwner(reason));
            count++;
        });
        return count;
    }

    private static bool Close(Shard shard, long id, CloseReason reason)
    {
        foreach (var endpoint in shard.Endpoints)
        {
            if (endpoint.Find(id) is not { } association) continue;
            association.Close(reason);
            return true;
        }
        if (shard.Find(id) is not { IsIdentified: true } session) return false;
        session.Guarded(s => s.CloseByOwner(reason));
        return true;
    }

    private static List<SessionInfo> Snapshot(Shard shard)
    {
        var list = new List<SessionInfo>(shard.SessionCount);
        foreach (var endpoint in shard.Endpoints) list.AddRange(endpoint.Sessions());
        shard.ForEachSession(session =>
        {
            if (session.Info.Tls is not null && session.IsIdentified) list.Add(session.Info);
        });
        return list;
    }

    private static Task<T?> OnShard<T>(Shard shard, Func<T> function)
    {
        var result = new TaskCompletionSource<T?>(TaskCreationOptions.RunContinuationsAsynchronously);
        shard.Loop.TryPost(new DelegateWork(() => Complete(result, function), () => result.SetResult(default)));
        return result.Task;
    }

    private static void Complete<T>(TaskCompletionSource<T?> result, Func<T> function)
    {
        try
        {
            result.SetResult(function());
        }
        catch (Exception exception)
        {
            // A predicate's exception belongs to the caller.
            result.SetException(exception);
        }
    }

    private void ThrowOnShard()
    {
        if (Array.Exists(_shards, shard => shard.Loop.IsCurrentThread))
            throw new InvalidOperationException("A shard's thread cannot wait for the shards; use CloseSessionsAsync or StopAsync.");
    }
}
