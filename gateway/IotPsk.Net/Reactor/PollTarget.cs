using IotPsk.Net.Timers;

namespace IotPsk.Net.Reactor;

/// <summary>
/// What an event loop serves: up to two descriptors (channels 0 and 1), one deadline, and turns on request. All its
/// members run on the loop's thread. An exception ends in <see cref="OnFault"/> and touches no other target.
/// </summary>
internal abstract class PollTarget : TimerNode
{
    internal const int NotRegistered = -1;

    /// <summary>Index in the loop's table while registered.</summary>
    internal int Slot = NotRegistered;
    internal PollTarget? NextReady;
    internal bool IsReady;

    /// <summary>Edge-triggered readiness of one descriptor (EPOLL* bits).</summary>
    internal abstract void OnEvents(int channel, uint events);

    /// <summary>The turn asked for by <see cref="EventLoop.Continue"/>.</summary>
    internal abstract void OnTurn();

    /// <summary>The deadline passed.</summary>
    protected abstract void OnDeadline();

    /// <summary>One of the other members threw; the target ends itself.</summary>
    internal abstract void OnFault(Exception exception);

    internal sealed override void OnTimer()
    {
        try
        {
            OnDeadline();
        }
        catch (Exception exception)
        {
            OnFault(exception);
        }
    }
}
