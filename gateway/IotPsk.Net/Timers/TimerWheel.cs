using System.Numerics;
using System.Runtime.CompilerServices;

namespace IotPsk.Net.Timers;

/// <summary>
/// Hierarchical timer wheel: seven levels of 64 slots, one millisecond a slot at the bottom. A node lies on the level
/// of the highest 6-bit digit in which its deadline differs from the current time and moves down as time reaches its
/// slot. Arm, cancel and "when is the next" are O(1) in the number of timers; empty slots are skipped by bitmaps.
/// </summary>
internal sealed class TimerWheel
{
    private const int LevelBits = 6;
    private const int SlotsPerLevel = 1 << LevelBits;
    private const int SlotMask = SlotsPerLevel - 1;
    private const int Levels = 7;

    /// <summary>Longer delays are cut to this (about 69 years).</summary>
    internal const long MaxDelay = 1L << (LevelBits * Levels - 1);

    private readonly TimerNode?[] _heads = new TimerNode?[Levels * SlotsPerLevel];
    private readonly ulong[] _occupied = new ulong[Levels];
    private long _elapsed;

    /// <summary>Milliseconds; everything due at or before it has fired.</summary>
    internal long Now { get; private set; }

    internal int Count { get; private set; }

    internal TimerWheel(long now) => _elapsed = Now = now;

    /// <summary>Fires <paramref name="node"/> in <paramref name="delay"/> milliseconds from <see cref="Now"/>, at least one; replaces an armed deadline.</summary>
    internal void Arm(TimerNode node, long delay)
    {
        if (node.IsArmed) Unlink(node);
        node.Deadline = Now + Math.Clamp(delay, 1, MaxDelay);
        Link(node);
    }

    internal void Cancel(TimerNode node)
    {
        if (node.IsArmed) Unlink(node);
    }

    /// <summary>
    /// The time at which <see cref="Advance"/> has something to do, or null when nothing is armed. It may be earlier than
    /// the next deadline, because nodes of upper levels move down first.
    /// </summary>
    internal long? NextExpiry
    {
        get
        {
            for (var level = 0; level < Levels; level++)
            {
                if (_occupied[level] == 0) continue;
                return SlotStart(level, FirstSlot(level));
            }
            return null;
        }
    }

    /// <summary>Moves time forward and fires what is due, in order of deadline.</summary>
    internal void Advance(long now)
    {
        if (now <= Now) return;
        Now = now;
        while (NextExpiry is { } next && next <= now)
        {
            var level = LowestOccupiedLevel();
            var position = (level << LevelBits) | FirstSlot(level);
            // A deadline equal to the current time can only be met on level 0, so time never runs backwards here.
            _elapsed = Math.Max(_elapsed, next);
            if (level == 0) Fire(position);
            else Cascade(position);
        }
        _elapsed = now;
    }

    private void Fire(int position)
    {
        while (_heads[position] is { } node)
        {
            Unlink(node);
            node.OnTimer();
        }
    }

    private void Cascade(int position)
    {
        while (_heads[position] is { } node)
        {
            Unlink(node);
            Link(node);
        }
    }

    private void Link(TimerNode node)
    {
        // The top digit cannot overflow: Now starts near zero and MaxDelay is half the range.
        var difference = (ulong)((node.Deadline ^ _elapsed) | SlotMask);
        var level = (63 - BitOperations.LeadingZeroCount(difference)) / LevelBits;
        var slot = (int)(node.Deadline >> (level * LevelBits)) & SlotMask;
        var position = (level << LevelBits) | slot;
        var head = _heads[position];
        node.Next = head;
        node.Previous = null;
        if (head is not null) head.Previous = node;
        _heads[position] = node;
        _occupied[level] |= 1UL << slot;
        node.Position = position;
        Count++;
    }

    private void Unlink(TimerNode node)
    {
        var position = node.Position;
        if (node.Previous is { } previous) previous.Next = node.Next;
        else
        {
            _heads[position] = node.Next;
            if (node.Next is null) _occupied[position >> LevelBits] &= ~(1UL << (position & SlotMask));
        }
        if (node.Next is { } next) next.Previous = node.Previous;
        node.Previous = node.Next = null;
        node.Position = TimerNode.NotArmed;
        Count--;
    }

    private int LowestOccupiedLevel()
    {
        var level = 0;
        while (_occupied[level] == 0) level++;
        return level;
    }

    // Digits of live deadlines are never below the digit of the current time on their level.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int FirstSlot(int level) => BitOperations.TrailingZeroCount(_occupied[level]);

    private long SlotStart(int level, int slot)
    {
        var above = LevelBits * (level + 1);
        return ((_elapsed >> above) << above) | ((long)slot << (level * LevelBits));
    }
}
