using IotPsk.Shared;

namespace IotPsk.Lwm2m.Management;

/// <summary>How devices are managed.</summary>
public sealed class DirectoryOptions
{
    /// <summary>What is observed of each device after it registered.</summary>
    public IReadOnlyList<ObservationRule> Observe { get; init; } = ObservationRule.Defaults;

    /// <summary>Operations that may wait for one device.</summary>
    public int QueuedPerDevice { get; init; } = 32;

    /// <summary>Operations that may be open for all devices together.</summary>
    public int QueuedInAll { get; init; } = 20_000;

    /// <summary>Bytes of values in operations that are open.</summary>
    public long QueuedBytes { get; init; } = 256 << 20;

    /// <summary>Observations of one device, those of the configuration included.</summary>
    public int ObservationsPerDevice { get; init; } = 64;

    /// <summary>How long an operation may take, in milliseconds, if it does not say.</summary>
    public int Patience { get; init; } = 60_000;

    /// <summary>The same for a device in queue mode, which has to wake first.</summary>
    public int QueueModePatience { get; init; } = 86_400_000;

    /// <summary>For how long a device in queue mode listens after it was heard, in milliseconds (OMA LwM2M 1.1 s6.5: MAX_TRANSMIT_WAIT).</summary>
    public int AwakeFor { get; init; } = 93_000;

    /// <summary>The longest answer that is taken of a device, in bytes.</summary>
    public int MaxBody { get; init; } = 64 << 10;

    /// <summary>Hears values and changes.</summary>
    public IDeviceEvents? Events { get; init; }
}

/// <summary>Where values came from.</summary>
public enum ValueSource
{
    /// <summary>A notification, or the first answer to an observation.</summary>
    Notification = 0,

    /// <summary>The operation Send of LwM2M 1.1.</summary>
    Send = 1,
}

/// <summary>Hears what devices bring. Called on shards: must not block.</summary>
public interface IDeviceEvents
{
    /// <summary>Values came.</summary>
    /// <param name="deviceId">Whose.</param>
    /// <param name="source">How.</param>
    /// <param name="records">The values, with their whole paths as names.</param>
    /// <param name="taken">
    /// To be called once, on any thread: true when the values are safe, and then the device hears that they were taken; false if they were not, and then
    /// it keeps them.
    /// </param>
    void Received(string deviceId, ValueSource source, IReadOnlyList<SenmlRecord> records, Action<bool> taken);

    /// <summary>What a device brought could not be read, or was more than it may bring.</summary>
    /// <param name="deviceId">Whose.</param>
    /// <param name="problem">What was wrong with it, in a sentence.</param>
    void Refused(string deviceId, string problem);

    /// <summary>What was asked to be observed of a device has changed; see <see cref="DeviceDirectory.FindExplicit"/>.</summary>
    /// <param name="deviceId">Whose.</param>
    void ObservationsChanged(string deviceId);
}
