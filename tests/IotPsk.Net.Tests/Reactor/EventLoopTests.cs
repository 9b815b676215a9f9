using System.Net;
using System.Net.Sockets;
using IotPsk.Net.Reactor;
using IotPsk.Net.Tests.Support;
using IotPsk.TestSupport;

namespace IotPsk.Net.Tests.Reactor;

public sealed class EventLoopTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly List<Exception> _faults = [];
    private readonly EventLoop _loop;

    public EventLoopTests()
    {
        _loop = new EventLoop("test loop", _time, _faults.Add);
        _loop.Start();
    }

    public void Dispose()
    {
        _loop.TryPost(new DelegateWork(_loop.Stop));
        _loop.Dispose();
    }

    private T OnLoop<T>(Func<T> function)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Assert.True(_loop.TryPost(new DelegateWork(() => done.SetResult(function()))));
        return done.Task.WaitAsync(TimeSpan.FromSeconds(30)).GetAwaiter().GetResult();
    }

    [Fact]
    public void Work_of_many_threads_runs_on_the_loop_all_of_it_and_each_thread_in_order()
    {
        const int threads = 8, each = 2000;
        var seen = new List<(int Thread, int Index)>();
        using var all = new CountdownEvent(threads * each);
        Parallel.For(0, threads, thread =>
        {
            for (var i = 0; i < each; i++)
            {
                var index = i;
                _loop.TryPost(new DelegateWork(() =>
                {
                    seen.Add((thread, index));
                    if (!_loop.IsCurrentThread) throw new InvalidOperationException("wrong thread");
                    all.Signal();
                }));
            }
        });
        Assert.True(all.Wait(TimeSpan.FromSeconds(30)));
        Assert.Empty(_faults);
        foreach (var group in seen.GroupBy(s => s.Thread))
            Assert.Equal(Enumerable.Range(0, each), group.Select(s => s.Index));
    }

    [Fact]
    public void A_deadline_passes_when_virtual_time_does_and_not_before()
    {
        var target = new RecordingTarget();
        OnLoop(() => { _loop.Targets.TryAdd(target); _loop.Wheel.Arm(target, 10_000); return 0; });
        _time.Advance(TimeSpan.FromMilliseconds(9_999));
        OnLoop(() => 0);
        Assert.Empty(target.Log);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal("deadline", target.Take());
    }

    [Fact]
    public void Time_that_moves_while_the_loop_arms_its_alarm_is_not_missed()
    {
        for (var round = 0; round < 200; round++)
        {
            var target = new RecordingTarget();
            _loop.TryPost(new DelegateWork(() => _loop.Wheel.Arm(target, 5)));
            // Advances race with the loop's preparation for sleep; the deadline comes all the same.
            for (var i = 0; i < 20 && target.Log.Count == 0; i++) _time.Advance(TimeSpan.FromMilliseconds(1));
            OnLoop(() => 0);
            _time.Advance(TimeSpan.FromMilliseconds(10));
            Assert.Equal("deadline", target.Take());
        }
    }

    [Fact]
    public void System_time_fires_deadlines_without_any_event()
    {
        using var loop = new EventLoop("system time", TimeProvider.System, _faults.Add);
        loop.Start();
        var target = new RecordingTarget();
        loop.TryPost(new DelegateWork(() => loop.Wheel.Arm(target, 20)));
        Assert.Equal("deadline", target.Take());
        loop.TryPost(new DelegateWork(loop.Stop));
    }

    [Fact]
    public void Readiness_comes_once_per_edge_on_the_channel_of_the_descriptor()
    {
        var (near, far) = Pair();
        using (near)
        using (far)
        {
            var target = new RecordingTarget();
            Assert.Equal(0, OnLoop(() => { _loop.Targets.TryAdd(target); return _loop.Register(target, 1, (int)near.Handle); }));
            Assert.Equal("events 1", target.Take());
            far.Send("x"u8);
            Assert.Equal("events 1", target.Take());
            OnLoop(() => 0);
            Assert.Empty(target.Log);
            OnLoop(() => { _loop.Targets.Remove(target); _loop.Unregister((int)near.Handle); return 0; });
        }
    }

    [Fact]
    public void An_event_of_a_removed_target_does_not_reach_the_next_owner_of_its_slot()
    {
        var (near, far) = Pair();
        using (near)
        using (far)
        {
            RecordingTarget first = new(), second = new();
            OnLoop(() =>
            {
                _loop.Targets.TryAdd(first);
                _loop.Register(first, 0, (int)near.Handle);
                // The descriptor stays registered under the old id while another target takes the slot.
                _loop.Targets.Remove(first);
                return _loop.Targets.TryAdd(second);
            });
            far.Send("x"u8);
            OnLoop(() => 0);
            OnLoop(() => 0);
            Assert.Empty(first.Log);
            Assert.Empty(second.Log);
            OnLoop(() => { _loop.Unregister((int)near.Handle); return 0; });
        }
    }

    [Fact]
    public void A_target_that_asks_for_a_turn_in_its_turn_gets_it_after_the_others()
    {
        var order = new List<string>();
        RecordingTarget? a = null, b = null;
        var rounds = 0;
        a = new RecordingTarget { Turn = () => { order.Add("a"); if (++rounds < 3) _loop.Continue(a!); } };
        b = new RecordingTarget { Turn = () => order.Add("b") };
        OnLoop(() =>
        {
            _loop.Targets.TryAdd(a);
            _loop.Targets.TryAdd(b);
            _loop.Continue(a);
            _loop.Continue(a);
            _loop.Continue(b);
            return 0;
        });
        for (var i = 0; i < 4; i++) OnLoop(() => 0);
        Assert.Equal(["a", "b", "a", "a"], order);
    }

    [Fact]
    public void A_target_removed_before_its_turn_gets_none()
    {
        var target = new RecordingTarget();
        OnLoop(() => { _loop.Targets.TryAdd(target); _loop.Continue(target); _loop.Targets.Remove(target); return 0; });
        OnLoop(() => 0);
        Assert.Empty(target.Log);
    }

    [Fact]
    public void A_throwing_callback_faults_its_own_target_and_the_loop_goes_on()
    {
        var target = new RecordingTarget { Expired = () => throw new InvalidOperationException("timer") };
        OnLoop(() => { _loop.Wheel.Arm(target, 1); return 0; });
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal("deadline", target.Take());
        Assert.Equal("fault timer", target.Take());
        _loop.TryPost(new DelegateWork(() => throw new InvalidOperationException("work")));
        Assert.Equal(7, OnLoop(() => 7));
        Assert.Equal("work", Assert.Single(_faults).Message);
    }

    [Fact]
    public void Work_posted_after_the_end_is_discarded_and_said_so()
    {
        var loop = new EventLoop("short", _time, _faults.Add);
        loop.Start();
        loop.TryPost(new DelegateWork(loop.Stop));
        loop.Dispose();
        var discarded = false;
        Assert.False(loop.TryPost(new DelegateWork(() => Assert.Fail("ran"), () => discarded = true)));
        Assert.True(discarded);
    }

    private static (Socket Near, Socket Far) Pair()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var far = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        far.Connect(listener.LocalEndPoint!);
        return (listener.Accept(), far);
    }
}
