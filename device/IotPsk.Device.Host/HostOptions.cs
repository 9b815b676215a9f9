namespace IotPsk.Device.Host;

/// <summary>What the command line says.</summary>
internal sealed record HostOptions
{
    internal const int Failed = 1;
    internal const int Usage = 2;

    /// <summary>A credential file, or a directory of them; null runs the devices that the vault holds.</summary>
    internal string? Bundle { get; init; }

    /// <summary>The vault's directory.</summary>
    internal required string Vault { get; init; }

    /// <summary>Messages per device; 0 is no end.</summary>
    internal int Count { get; init; }

    /// <summary>From one message to the next.</summary>
    internal TimeSpan Interval { get; init; }

    /// <summary>0 or 1.</summary>
    internal int QualityOfService { get; init; }

    /// <summary>One connection only.</summary>
    internal bool Once { get; init; }

    /// <summary>Overwrite and erase credential files once the vault holds them, as a board does.</summary>
    internal bool EraseBundle { get; init; }

    /// <summary>Get the key of the newest epoch first.</summary>
    internal bool Rekeys { get; init; }

    /// <summary>CoAP over DTLS instead of MQTT over TLS.</summary>
    internal bool Datagrams { get; init; }

    /// <summary>The CoAP resource that messages are posted to.</summary>
    internal string Path { get; init; } = "/echo";

    /// <summary>Save the association after each message, and wake up into it for the next.</summary>
    internal bool Sleeps { get; init; }

    /// <summary>LwM2M over CoAP and DTLS instead of MQTT over TLS.</summary>
    internal bool Lwm2m { get; init; }

    /// <summary>For how many seconds a registration holds without an update.</summary>
    internal int Lifetime { get; init; } = 3600;

    /// <summary>How long a device that sleeps listens before it does.</summary>
    internal TimeSpan Awake { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>What the sensor of a machine without one measures, in degrees Celsius.</summary>
    internal double? Temperature { get; init; }

    /// <summary>The directory for firmware; null: it cannot be changed.</summary>
    internal string? Firmware { get; init; }

    /// <summary>Ask for a connection id, whatever the credential says.</summary>
    internal bool UseConnectionId { get; init; }

    /// <summary>ECDHE_PSK instead of PSK.</summary>
    internal bool UseEcdhe { get; init; }

    /// <summary>The first retransmission time-out of the DTLS handshake, in milliseconds.</summary>
    internal int FirstTimeout { get; init; } = 9000;

    /// <summary>Print JSON, an object a line.</summary>
    internal bool Json { get; init; }
}
