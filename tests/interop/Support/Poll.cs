using System.Diagnostics;

namespace IotPsk.Interop.Tests.Support;

/// <summary>Bounded waiting for something that another process does in its own time.</summary>
internal static class Poll
{
    /// <summary>Generous, because the machine may be busy: a test waits this long only if it fails.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static void Until(Func<bool> condition, string what, Func<string>? explain = null, TimeSpan? patience = null)
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan limit = patience ?? Patience;
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > limit)
                throw new TimeoutException($"Not within {limit.TotalSeconds:0} s: {what}{Environment.NewLine}{explain?.Invoke()}");
            Thread.Sleep(10);
        }
    }

    public static T For<T>(Func<T?> find, string what, Func<string>? explain = null, TimeSpan? patience = null)
        where T : class
    {
        T? found = null;
        Until(() => (found = find()) is not null, what, explain, patience);
        return found!;
    }
}
