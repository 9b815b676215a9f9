using FsCheck;
using FsCheck.Fluent;
using IotPsk.Net.Reactor;
using IotPsk.Net.Tests.Support;

namespace IotPsk.Net.Tests.Reactor;

public class TargetTableTests
{
    [Fact]
    public void An_old_id_does_not_find_the_next_owner_of_the_slot()
    {
        var table = new TargetTable();
        var first = new RecordingTarget();
        Assert.True(table.TryAdd(first));
        var (slot, generation) = (first.Slot, table.Generation(first.Slot));
        Assert.Same(first, table.Find(slot, generation));
        table.Remove(first);
        Assert.Null(table.Find(slot, generation));
        var second = new RecordingTarget();
        Assert.True(table.TryAdd(second));
        Assert.Equal(slot, second.Slot);
        Assert.Null(table.Find(slot, generation));
        Assert.Same(second, table.Find(slot, table.Generation(slot)));
    }

    [Fact]
    public void Ids_stay_unique_and_live_ones_are_found_through_any_adds_and_removes()
    {
        Prop.ForAll(ArbMap.Default.ArbFor<bool[]>(), adds =>
        {
            var table = new TargetTable(capacity: 2);
            var live = new List<(RecordingTarget Target, int Slot, uint Generation)>();
            var ever = new HashSet<(int, uint)>();
            foreach (var add in adds)
            {
                if (add || live.Count == 0)
                {
                    var target = new RecordingTarget();
                    if (!table.TryAdd(target)) return false;
                    live.Add((target, target.Slot, table.Generation(target.Slot)));
                    if (!ever.Add((target.Slot, table.Generation(target.Slot)))) return false;
                }
                else
                {
                    table.Remove(live[live.Count / 2].Target);
                    live.RemoveAt(live.Count / 2);
                }
            }
            return table.Count == live.Count
                && live.TrueForAll(l => ReferenceEquals(table.Find(l.Slot, l.Generation), l.Target))
                && table.HighWater <= Math.Max(adds.Length, 1);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Removing_twice_frees_the_slot_once()
    {
        var table = new TargetTable();
        var target = new RecordingTarget();
        table.TryAdd(target);
        table.Remove(target);
        table.Remove(target);
        RecordingTarget a = new(), b = new();
        table.TryAdd(a);
        table.TryAdd(b);
        Assert.NotEqual(a.Slot, b.Slot);
        Assert.Equal(2, table.Count);
    }
}
