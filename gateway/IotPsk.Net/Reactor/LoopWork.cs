namespace IotPsk.Net.Reactor;

/// <summary>Something another thread asks a loop to do; the queue's link is part of it.</summary>
internal abstract class LoopWork
{
    internal LoopWork? NextWork;

    /// <summary>Runs on the loop's thread.</summary>
    internal abstract void Run();

    /// <summary>Runs instead of <see cref="Run"/> when the loop ended first, on whatever thread notices.</summary>
    internal abstract void Discard();
}

/// <summary>Work that is a delegate; for what happens rarely.</summary>
internal sealed class DelegateWork(Action run, Action? discard = null) : LoopWork
{
    internal override void Run() => run();

    internal override void Discard() => discard?.Invoke();
}

/// <summary>Lock-free queue of many producers and one consumer, in order of arrival.</summary>
internal sealed class WorkQueue
{
    private static readonly LoopWork Closed = new DelegateWork(static () => { });
    private LoopWork? _head;

    /// <summary>False when the queue is closed; otherwise <paramref name="wasEmpty"/> tells whether the consumer needs waking.</summary>
    internal bool TryPush(LoopWork work, out bool wasEmpty)
    {
        var head = Volatile.Read(ref _head);
        while (!ReferenceEquals(head, Closed))
        {
            work.NextWork = head;
            var seen = Interlocked.CompareExchange(ref _head, work, head);
            if (ReferenceEquals(seen, head))
            {
                wasEmpty = head is null;
                return true;
            }
            head = seen;
        }
        work.NextWork = null;
        wasEmpty = false;
        return false;
    }

    internal bool IsEmpty => Volatile.Read(ref _head) is null;

    /// <summary>Takes everything queued, oldest first, as a list linked by <see cref="LoopWork.NextWork"/>.</summary>
    internal LoopWork? TakeAll() => IsEmpty ? null : Reverse(Interlocked.Exchange(ref _head, null));

    /// <summary>Lets nothing more in and returns what is left.</summary>
    internal LoopWork? Close()
    {
        var rest = Interlocked.Exchange(ref _head, Closed);
        return ReferenceEquals(rest, Closed) ? null : Reverse(rest);
    }

    private static LoopWork? Reverse(LoopWork? newest)
    {
        LoopWork? oldest = null;
        while (newest is not null)
        {
            var next = newest.NextWork;
            newest.NextWork = oldest;
            oldest = newest;
            newest = next;
        }
        return oldest;
    }
}
