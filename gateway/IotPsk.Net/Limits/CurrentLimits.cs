namespace IotPsk.Net.Limits;

/// <summary>The limits as they are now; whoever asks for them asks each time.</summary>
internal sealed class CurrentLimits(NetLimits limits)
{
    private volatile NetLimits _value = limits;

    internal NetLimits Value { get => _value; set => _value = value; }
}
