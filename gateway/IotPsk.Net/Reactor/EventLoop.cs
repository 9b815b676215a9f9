using IotPsk.Net.Native;
using IotPsk.Net.Timers;
using Microsoft.Win32.SafeHandles;

namespace IotPsk.Net.Reactor;

/// <summary>
/// One thread around one epoll: events, deadlines, posted work, and turns of targets that have more to do. Descriptors
/// are registered once, edge-triggered for both directions, and never modified: a target remembers what is readable and
/// writable and comes back to it when it can. Everything but <see cref="TryPost"/> belongs to the loop's thread.
/// </summary>
internal sealed unsafe class EventLoop : IDisposable
{
    private const int EventsPerWait = 256;
    private const uint BothWays = Linux.EPOLLIN | Linux.EPOLLOUT | Linux.EPOLLRDHUP | Linux.EPOLLET;
    private const ulong WakeData = ulong.MaxValue;

    private readonly int _epoll;
    private readonly SafeFileHandle _wake;
    private readonly EpollBuffer _events = new(EventsPerWait);
    private readonly WorkQueue _work = new();
    private readonly LoopClock _clock;
    private readonly Thread _thread;
    private readonly Action<Exception> _workFault;
    private PollTarget? _firstReady;
    private PollTarget? _lastReady;
    private volatile bool _stopping;

    internal EventLoop(string name, TimeProvider time, Action<Exception> workFault)
    {
        _epoll = Libc.EpollCreate(Linux.EPOLL_CLOEXEC);
        if (_epoll < 0) throw Failure("epoll_create1");
        var wake = Libc.EventFd(0, Linux.EFD_CLOEXEC | Linux.EFD_NONBLOCK);
        if (wake < 0) throw Failure("eventfd");
        _wake = new SafeFileHandle(wake, ownsHandle: true);
        if (Control(Linux.EPOLL_CTL_ADD, wake, Linux.EPOLLIN | Linux.EPOLLET, WakeData) < 0) throw Failure("epoll_ctl");
        _workFault = workFault;
        _clock = new LoopClock(time, Wake);
        Wheel = new TimerWheel(_clock.Milliseconds);
        _thread = new Thread(Run, 512 * 1024) { Name = name, IsBackground = true };
    }

    internal TargetTable Targets { get; } = new();

    internal TimerWheel Wheel { get; }

    internal LoopCounters Counters { get; } = new();

    internal DateTimeOffset UtcNow => _clock.UtcNow;

    /// <summary>The loop's own milliseconds, read once a turn.</summary>
    internal long Now => Wheel.Now;

    internal bool IsCurrentThread => Environment.CurrentManagedThreadId == _thread.ManagedThreadId;

    internal void Start() => _thread.Start();

    /// <summary>Queues work from any thread; false when the loop has ended (the work was then discarded).</summary>
    internal bool TryPost(LoopWork work)
    {
        if (!_work.TryPush(work, out var wasEmpty))
        {
            work.Discard();
            return false;
        }
        if (wasEmpty) Wake();
        return true;
    }

    /// <summary>Registers a target's descriptor for both directions, edge-triggered; 0 or a negated errno.</summary>
    internal int Register(PollTarget target, int channel, int fd) =>
        Control(Linux.EPOLL_CTL_ADD, fd, BothWays, DataOf(target, channel));

    /// <summary>Registers a listening descriptor, level-triggered; 0 or a negated errno.</summary>
    internal int RegisterListener(PollTarget target, int fd) =>
        Control(Linux.EPOLL_CTL_ADD, fd, Linux.EPOLLIN, DataOf(target, 0));

    internal void Unregister(int fd) => Control(Linux.EPOLL_CTL_DEL, fd, 0, 0);

    /// <summary>Gives the target another turn after the others had theirs.</summary>
    internal void Continue(PollTarget target)
    {
        if (target.IsReady) return;
        target.IsReady = true;
        target.NextReady = null;
        if (_lastReady is null) _firstReady = target;
        else _lastReady.NextReady = target;
        _lastReady = target;
    }

    /// <summary>Ends the loop after this turn. On the loop's thread.</summary>
    internal void Stop() => _stopping = true;

    internal void Join()
    {
        if (!IsCurrentThread && (_thread.ThreadState & ThreadState.Unstarted) == 0) _thread.Join();
    }

    private void Run()
    {
        while (!_stopping)
        {
            var idle = _firstReady is null && _work.IsEmpty;
            var timeout = idle ? _clock.SleepFor(_clock.Milliseconds, Wheel.NextExpiry) : 0;
            var count = Libc.EpollWait(_epoll, _events.Pointer, EventsPerWait, timeout);
            if (count < 0 && Tcp.LastError != -Errno.EINTR) throw Failure("epoll_wait");
            Wheel.Advance(_clock.Milliseconds);
            Counters.Turns++;
            for (var i = 0; i < count; i++) Dispatch(_events.Events(i), _events.Data(i));
            RunWork(_work.TakeAll());
            RunReady();
        }
        End();
    }

    private void Dispatch(uint events, ulong data)
    {
        if (data == WakeData) return;
        Counters.Events++;
        var target = Targets.Find((int)(uint)(data >> 1) & (TargetTable.MaxSlots - 1), (uint)(data >> 32));
        if (target is null) return;
        try
        {
            target.OnEvents((int)(data & 1), events);
        }
        catch (Exception exception)
        {
            target.OnFault(exception);
        }
    }

    private void RunWork(LoopWork? work)
    {
        while (work is not null)
        {
            var next = work.NextWork;
            work.NextWork = null;
            Counters.Posts++;
            try
            {
                work.Run();
            }
            catch (Exception exception)
            {
                _workFault(exception);
            }
            work = next;
        }
    }

    // Targets that ask again during their turn wait for the next one, after the descriptors' events.
    private void RunReady()
    {
        var target = _firstReady;
        _firstReady = _lastReady = null;
        while (target is not null)
        {
            var next = target.NextReady;
            target.NextReady = null;
            target.IsReady = false;
            try
            {
                if (target.Slot != PollTarget.NotRegistered) target.OnTurn();
            }
            catch (Exception exception)
            {
                target.OnFault(exception);
            }
            target = next;
        }
    }

    private void End()
    {
        for (var work = _work.Close(); work is not null;)
        {
            var next = work.NextWork;
            work.NextWork = null;
            work.Discard();
            work = next;
        }
        _clock.Dispose();
    }

    private void Wake()
    {
        // A producer may come here while the loop ends: the handle keeps its number from being another file's.
        var held = false;
        try
        {
            _wake.DangerousAddRef(ref held);
            // Edge-triggered: each write is an event of its own, so the counter is never read back.
            ulong one = 1;
            _ = Libc.Write((int)_wake.DangerousGetHandle(), (byte*)&one, sizeof(ulong));
        }
        catch (ObjectDisposedException)
        {
            // The loop is gone, and so is whatever there was to wake it for.
        }
        finally
        {
            if (held) _wake.DangerousRelease();
        }
    }

    // One channel bit, 24 bits of slot, and the slot's generation above.
    private ulong DataOf(PollTarget target, int channel) =>
        ((ulong)Targets.Generation(target.Slot) << 32) | ((ulong)(uint)target.Slot << 1) | (uint)channel;

    private int Control(int operation, int fd, uint events, ulong data)
    {
        var buffer = stackalloc byte[16];
        EpollBuffer.Encode(buffer, events, data);
        return Libc.EpollControl(_epoll, operation, fd, buffer) == 0 ? 0 : Tcp.LastError;
    }

    private static InvalidOperationException Failure(string call) =>
        new($"{call} failed: {Errno.Describe(-Tcp.LastError)}.");

    /// <summary>Frees the descriptors once the thread has ended.</summary>
    public void Dispose()
    {
        Join();
        _wake.Dispose();
        Tcp.Close(_epoll);
        _events.Dispose();
    }
}
