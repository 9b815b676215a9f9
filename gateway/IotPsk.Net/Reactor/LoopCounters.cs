namespace IotPsk.Net.Reactor;

/// <summary>Counters of one loop, written by its thread alone.</summary>
internal sealed class LoopCounters
{
    internal long Turns;
    internal long Events;
    internal long Posts;
}
