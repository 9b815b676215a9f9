using IotPsk.Gateway.Configuration;

namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>Which broker, and as whom.</summary>
internal sealed record BrokerOptions
{
    internal required EndpointAddress Address { get; init; }

    /// <summary>Without a slash at its end.</summary>
    internal required string Prefix { get; init; }

    /// <summary>Names our session at the broker, which keeps commands for us while we are away.</summary>
    internal required string ClientId { get; init; }
    internal required string User { get; init; }

    /// <summary>Null for none: the broker then trusts whoever reaches it.</summary>
    internal byte[]? Password { get; init; }

    /// <summary>A broker that is silent for one and a half of it is gone (MQTT 3.1.1 s3.1.2.10).</summary>
    internal TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(30);
}
