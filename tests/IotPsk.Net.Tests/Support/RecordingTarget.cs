using System.Collections.Concurrent;
using IotPsk.Net.Reactor;

namespace IotPsk.Net.Tests.Support;

/// <summary>A target that notes what a loop tells it and lets the test act inside the callbacks.</summary>
internal sealed class RecordingTarget : PollTarget
{
    internal BlockingCollection<string> Log { get; } = [];

    internal Action<int, uint>? Events { get; init; }

    internal Action? Turn { get; init; }

    internal Action? Expired { get; init; }

    internal override void OnEvents(int channel, uint events)
    {
        Log.Add($"events {channel}");
        Events?.Invoke(channel, events);
    }

    internal override void OnTurn()
    {
        Log.Add("turn");
        Turn?.Invoke();
    }

    protected override void OnDeadline()
    {
        Log.Add("deadline");
        Expired?.Invoke();
    }

    internal override void OnFault(Exception exception) => Log.Add($"fault {exception.Message}");

    /// <summary>The next entry; fails the test when none comes in a generous time.</summary>
    internal string Take() => Log.TryTake(out var entry, TimeSpan.FromSeconds(30)) ? entry : throw new TimeoutException("The loop said nothing.");
}
