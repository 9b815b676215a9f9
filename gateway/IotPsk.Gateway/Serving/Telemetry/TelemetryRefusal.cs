namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>Why a message was not taken.</summary>
internal enum TelemetryRefusal
{
    /// <summary>The topic is no topic name (MQTT 3.1.1 s4.7).</summary>
    InvalidTopic,

    /// <summary>Topic and message are larger than <see cref="TelemetryQueue.MaxMessage"/>.</summary>
    TooLarge,

    /// <summary>The queue holds as much as the configuration allows.</summary>
    QueueFull,

    /// <summary>The disk is slower than the messages come.</summary>
    DiskSlow,

    /// <summary>The disk is full or broken.</summary>
    DiskFailed,

    /// <summary>The gateway is stopping.</summary>
    Stopping,
}
