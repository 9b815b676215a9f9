namespace IotPsk.Gateway.Serving.Mqtt;

/// <summary>Why a CONNECT does not go to the broker.</summary>
internal enum MqttConnectRefusal
{
    /// <summary>It does.</summary>
    None,

    /// <summary>The first packet is no CONNECT (MQTT 3.1.1 s3.1).</summary>
    NotConnect,

    /// <summary>The packet is malformed.</summary>
    Malformed,

    /// <summary>The packet is larger than a prologue may be.</summary>
    TooLarge,

    /// <summary>Another protocol level than those of 3.1.1 and 5.</summary>
    UnsupportedLevel,

    /// <summary>In 3.1.1 an empty client id needs a clean session (s3.1.3.1).</summary>
    EmptyClientId,

    /// <summary>The client id is neither the device's id nor below it.</summary>
    ForeignClientId,

    /// <summary>The user name is not the device's id.</summary>
    ForeignUserName,

    /// <summary>Nothing is wrong with it, but the broker cannot be reached.</summary>
    ServerUnavailable,
}
