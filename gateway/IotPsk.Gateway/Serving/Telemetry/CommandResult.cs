namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>What became of a message on a command topic.</summary>
internal enum CommandResult
{
    /// <summary>A handler took it.</summary>
    Handled,

    /// <summary>For no device that is served here: one that speaks MQTT, or unknown.</summary>
    NotServed,

    /// <summary>Its topic or the reply topic it asks for is not allowed.</summary>
    Invalid,

    /// <summary>The broker had retained it: it would be carried out anew at each subscription.</summary>
    Retained,

    /// <summary>Larger than is taken.</summary>
    TooLarge,

    /// <summary>A handler failed on it.</summary>
    Failed,
}
