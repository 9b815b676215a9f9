using IotPsk.Shared;

namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>The broker's reasons not to accept us, and what to do about each.</summary>
internal static class BrokerRefusal
{
    /// <summary>The return code of CONNACK in words (MQTT 3.1.1 s3.2.2.3).</summary>
    internal static string Describe(int code, BrokerOptions options) => code switch
    {
        MqttConnAck.UnacceptableProtocolVersion => "it refuses MQTT 3.1.1 (CONNACK 1)",
        MqttConnAck.IdentifierRejected => $"it refuses the client identifier {options.ClientId} (CONNACK 2)",
        MqttConnAck.ServerUnavailable => "its service is not available (CONNACK 3)",
        MqttConnAck.BadUserNameOrPassword => $"it refuses user {options.User} or the password (CONNACK 4): look at Telemetry.User and Telemetry.PasswordFile",
        MqttConnAck.NotAuthorized => $"it does not authorise user {options.User} {(options.Password is null ? "without a password" : "with this password")} (CONNACK 5): look at Telemetry.User, Telemetry.PasswordFile and the broker's users",
        _ => $"it refuses us (CONNACK {code})",
    };
}
