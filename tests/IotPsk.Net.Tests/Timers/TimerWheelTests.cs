using FsCheck;
using FsCheck.Fluent;
using IotPsk.Net.Timers;

namespace IotPsk.Net.Tests.Timers;

public class TimerWheelTests
{
    private sealed class Node(int id, List<(int Id, long At)> fired, Func<long> now) : TimerNode
    {
        internal Action? Then { get; init; }

        internal override void OnTimer()
        {
            fired.Add((id, now()));
            Then?.Invoke();
        }
    }

    private readonly List<(int Id, long At)> _fired = [];

    private Node NewNode(TimerWheel wheel, int id, Action? then = null) => new(id, _fired, () => wheel.Now) { Then = then };

    [Theory]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(10_000)]
    [InlineData(86_400_000)]
    [InlineData(86_400_000L * 365)]
    public void Fires_at_its_deadline_and_not_a_millisecond_before(long delay)
    {
        var wheel = new TimerWheel(12_345);
        wheel.Arm(NewNode(wheel, 1), delay);
        wheel.Advance(12_345 + delay - 1);
        Assert.Empty(_fired);
        wheel.Advance(12_345 + delay);
        Assert.Equal([(1, 12_345 + delay)], _fired);
        Assert.Equal(0, wheel.Count);
        Assert.Null(wheel.NextExpiry);
    }

    [Fact]
    public void A_cancelled_deadline_never_fires_and_leaves_nothing_to_wait_for()
    {
        var wheel = new TimerWheel(0);
        var node = NewNode(wheel, 1);
        wheel.Arm(node, 5000);
        wheel.Cancel(node);
        Assert.Null(wheel.NextExpiry);
        wheel.Advance(10_000);
        Assert.Empty(_fired);
        Assert.False(node.IsArmed);
    }

    [Fact]
    public void Arming_again_replaces_the_deadline()
    {
        var wheel = new TimerWheel(0);
        var node = NewNode(wheel, 1);
        wheel.Arm(node, 100);
        wheel.Advance(50);
        wheel.Arm(node, 100);
        wheel.Advance(149);
        Assert.Empty(_fired);
        wheel.Advance(150);
        Assert.Single(_fired);
    }

    [Fact]
    public void A_callback_may_arm_itself_again_and_cancel_a_neighbour_of_the_same_moment()
    {
        var wheel = new TimerWheel(0);
        Node neighbour = NewNode(wheel, 2);
        Node? self = null;
        var rounds = 0;
        self = NewNode(wheel, 1, () =>
        {
            wheel.Cancel(neighbour);
            if (++rounds < 3) wheel.Arm(self!, 10);
        });
        wheel.Arm(neighbour, 10);
        wheel.Arm(self, 10);
        for (var now = 10; now <= 100; now += 10) wheel.Advance(now);
        Assert.Equal([(1, 10L), (1, 20L), (1, 30L)], _fired);
    }

    [Fact]
    public void A_callback_that_arms_itself_does_not_fire_twice_in_one_advance()
    {
        var wheel = new TimerWheel(0);
        Node? self = null;
        self = NewNode(wheel, 1, () => wheel.Arm(self!, 0));
        wheel.Arm(self, 1);
        wheel.Advance(1000);
        Assert.Single(_fired);
        Assert.Equal(1001, wheel.NextExpiry);
    }

    [Fact]
    public void A_delay_beyond_the_range_is_cut_and_not_lost()
    {
        var wheel = new TimerWheel(1);
        wheel.Arm(NewNode(wheel, 1), long.MaxValue);
        wheel.Advance(TimerWheel.MaxDelay);
        Assert.Empty(_fired);
        wheel.Advance(TimerWheel.MaxDelay + 1);
        Assert.Single(_fired);
    }

    /// <summary>Any sequence of arm, cancel and advance does what a sorted list of deadlines would do.</summary>
    [Fact]
    public void Behaves_like_a_sorted_list_of_deadlines()
    {
        // (operation, node, milliseconds): 0..2 arm, 3 cancel, 4 and 5 advance.
        var delay = Gen.OneOf(Gen.Choose(0, 70), Gen.Choose(0, 5_000), Gen.Choose(0, 300_000), Gen.Choose(0, 100_000_000));
        var step = from operation in Gen.Choose(0, 5) from node in Gen.Choose(0, 15) from time in delay select (operation, node, time);
        Prop.ForAll(step.ListOf().ToArbitrary(), steps => MatchesModel(steps)).QuickCheckThrowOnFailure();
    }

    private static bool MatchesModel(IEnumerable<(int Operation, int Node, int Time)> steps)
    {
        var fired = new List<(int Id, long At)>();
        var wheel = new TimerWheel(0);
        var nodes = Enumerable.Range(0, 16).Select(id => new Node(id, fired, () => wheel.Now)).ToArray();
        var model = new Dictionary<int, long>();
        foreach (var (operation, node, time) in steps)
        {
            if (operation <= 2)
            {
                wheel.Arm(nodes[node], time);
                model[node] = wheel.Now + Math.Max(1, time);
            }
            else if (operation == 3)
            {
                wheel.Cancel(nodes[node]);
                model.Remove(node);
            }
            else if (!AdvanceMatches(wheel, wheel.Now + time, model, fired)) return false;
            if (wheel.Count != model.Count) return false;
            if (model.Count == 0 ? wheel.NextExpiry is not null : wheel.NextExpiry > model.Values.Min()) return false;
        }
        return AdvanceMatches(wheel, wheel.Now + TimerWheel.MaxDelay / 2, model, fired) && model.Count == 0;
    }

    private static bool AdvanceMatches(TimerWheel wheel, long to, Dictionary<int, long> model, List<(int Id, long At)> fired)
    {
        fired.Clear();
        wheel.Advance(to);
        var due = model.Where(entry => entry.Value <= to).ToDictionary();
        foreach (var id in due.Keys) model.Remove(id);
        if (!fired.Select(f => f.Id).ToHashSet().SetEquals(due.Keys) || fired.Count != due.Count) return false;
        var order = fired.Select(f => due[f.Id]).ToList();
        return order.SequenceEqual(order.Order());
    }

    [Fact]
    public void Following_next_expiry_alone_fires_everything_on_time()
    {
        var delays = Gen.Choose(1, 2_000_000).ListOf().ToArbitrary();
        Prop.ForAll(delays, list =>
        {
            var fired = new List<(int Id, long At)>();
            var wheel = new TimerWheel(0);
            var wanted = new List<(int Id, long At)>();
            foreach (var delay in list)
            {
                wheel.Arm(new Node(delay, fired, () => wheel.Now), delay);
                wanted.Add((delay, delay));
            }
            // At most one stop per level and timer: otherwise the loop would wake for nothing.
            var stops = 0;
            while (wheel.NextExpiry is { } next && stops++ <= list.Count * 7) wheel.Advance(next);
            return fired.Order().SequenceEqual(wanted.Order());
        }).QuickCheckThrowOnFailure();
    }
}
