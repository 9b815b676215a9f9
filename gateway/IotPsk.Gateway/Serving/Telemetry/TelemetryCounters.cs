namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>What became of messages and commands. Counted on any thread.</summary>
internal sealed class TelemetryCounters
{
    private readonly long[] _refused = new long[Enum.GetValues<TelemetryRefusal>().Length];
    private readonly long[] _commands = new long[Enum.GetValues<CommandResult>().Length];
    private long _taken;
    private long _published;
    private long _connects;
    private long _connectFailures;

    /// <summary>Messages that lie, or lay, on the disk.</summary>
    internal long Taken => Volatile.Read(ref _taken);

    /// <summary>Messages that the broker acknowledged.</summary>
    internal long Published => Volatile.Read(ref _published);

    /// <summary>Times the broker accepted us.</summary>
    internal long Connects => Volatile.Read(ref _connects);

    /// <summary>Times it could not be reached, or refused.</summary>
    internal long ConnectFailures => Volatile.Read(ref _connectFailures);

    internal long this[TelemetryRefusal reason] => Volatile.Read(ref _refused[(int)reason]);
    internal long this[CommandResult result] => Volatile.Read(ref _commands[(int)result]);

    internal void CountTaken(int messages) => Interlocked.Add(ref _taken, messages);
    internal void CountPublished() => Interlocked.Increment(ref _published);
    internal void CountConnect() => Interlocked.Increment(ref _connects);
    internal void CountConnectFailure() => Interlocked.Increment(ref _connectFailures);
    internal void Count(TelemetryRefusal reason) => Interlocked.Increment(ref _refused[(int)reason]);
    internal void Count(CommandResult result) => Interlocked.Increment(ref _commands[(int)result]);
}
