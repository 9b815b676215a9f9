namespace IotPsk.Net.Timers;

/// <summary>
/// Something with one deadline. The links are part of the object, so arming and cancelling allocate nothing.
/// </summary>
internal abstract class TimerNode
{
    internal const int NotArmed = -1;

    internal TimerNode? Previous;
    internal TimerNode? Next;
    internal long Deadline;
    internal int Position = NotArmed;

    internal bool IsArmed => Position != NotArmed;

    /// <summary>The deadline passed; the node is no longer armed and may be armed again.</summary>
    internal abstract void OnTimer();
}
