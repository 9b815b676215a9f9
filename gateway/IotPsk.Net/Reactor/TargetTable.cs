namespace IotPsk.Net.Reactor;

/// <summary>
/// Slab of targets under generation-checked ids: an id handed out before a slot was freed finds nothing afterwards,
/// so a late event never reaches the new owner of a descriptor. O(1), grows by doubling.
/// </summary>
internal sealed class TargetTable
{
    /// <summary>Slots of one loop, at most: an index has 24 bits in a session's public id.</summary>
    internal const int MaxSlots = 1 << 24;
    private const int NoSlot = -1;

    private PollTarget?[] _targets;
    private uint[] _generations;
    private int[] _nextFree;
    private int _firstFree = NoSlot;
    private int _used;

    internal TargetTable(int capacity = 256)
    {
        _targets = new PollTarget?[capacity];
        _generations = new uint[capacity];
        _nextFree = new int[capacity];
    }

    internal int Count { get; private set; }

    /// <summary>Slots ever used; indexes below it are worth looking at when all targets are walked.</summary>
    internal int HighWater => _used;

    internal bool TryAdd(PollTarget target)
    {
        int slot;
        if (_firstFree != NoSlot)
        {
            slot = _firstFree;
            _firstFree = _nextFree[slot];
        }
        else
        {
            if (_used == MaxSlots) return false;
            if (_used == _targets.Length) Grow();
            slot = _used++;
        }
        _targets[slot] = target;
        target.Slot = slot;
        Count++;
        return true;
    }

    internal void Remove(PollTarget target)
    {
        var slot = target.Slot;
        if (slot == PollTarget.NotRegistered) return;
        _targets[slot] = null;
        _generations[slot]++;
        _nextFree[slot] = _firstFree;
        _firstFree = slot;
        target.Slot = PollTarget.NotRegistered;
        Count--;
    }

    internal uint Generation(int slot) => _generations[slot];

    internal PollTarget? Find(int slot, uint generation) =>
        (uint)slot < (uint)_used && _generations[slot] == generation ? _targets[slot] : null;

    internal PollTarget? At(int slot) => (uint)slot < (uint)_used ? _targets[slot] : null;

    private void Grow()
    {
        var capacity = Math.Min(_targets.Length * 2, MaxSlots);
        Array.Resize(ref _targets, capacity);
        Array.Resize(ref _generations, capacity);
        Array.Resize(ref _nextFree, capacity);
    }
}
