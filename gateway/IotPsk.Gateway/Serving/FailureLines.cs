using System.Collections.Concurrent;

namespace IotPsk.Gateway.Serving;

/// <summary>
/// Which failed handshakes get a line of the log each: so many of a reason in ten seconds. Whoever floods the gateway shall not fill its disk as well, and hides no
/// failure for another reason. Safe from any thread.
/// </summary>
internal sealed class FailureLines(TimeProvider time)
{
    /// <summary>Lines of one reason in a window.</summary>
    internal const int Most = 100;

    /// <summary>How long a window lasts.</summary>
    internal static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, Budget> _budgets = new(StringComparer.Ordinal);

    /// <summary>Takes a line for a failure.</summary>
    /// <param name="reason">Why, in one word of a bounded set.</param>
    /// <param name="untold">How many of the windows before had no line, to be told now; else 0.</param>
    /// <returns>False if this one gets none.</returns>
    internal bool TryTake(string reason, out long untold)
    {
        Budget budget = _budgets.GetOrAdd(reason, static _ => new Budget());
        lock (budget)
        {
            untold = 0;
            if (budget.Lines == 0 || time.GetElapsedTime(budget.Start) >= Window)
            {
                untold = budget.Untold;
                (budget.Start, budget.Lines, budget.Untold) = (time.GetTimestamp(), 0, 0);
            }
            if (budget.Lines == Most)
            {
                budget.Untold++;
                return false;
            }
            budget.Lines++;
            return true;
        }
    }

    private sealed class Budget
    {
        internal long Start, Untold;
        internal int Lines;
    }
}
