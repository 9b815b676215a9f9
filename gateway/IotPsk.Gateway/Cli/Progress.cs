using System.Diagnostics;
using System.Globalization;

namespace IotPsk.Gateway.Cli;

/// <summary>How far a long piece of work is: told on the error stream, at most once a second, and not at all when it is quick.</summary>
internal sealed class Progress(TextWriter errors, string what, int total)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private long _last = Stopwatch.GetTimestamp();

    internal void Report(int done)
    {
        if (Stopwatch.GetElapsedTime(_last) < Interval)
            return;
        _last = Stopwatch.GetTimestamp();
        errors.WriteLine(string.Create(CultureInfo.InvariantCulture, $"iotpsk: {what}: {done} of {total}"));
    }
}
