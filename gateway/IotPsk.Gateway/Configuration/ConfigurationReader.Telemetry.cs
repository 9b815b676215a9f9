using System.Text;
using IotPsk.Shared;

namespace IotPsk.Gateway.Configuration;

/// <summary>The broker.</summary>
internal sealed partial class ConfigurationReader
{
    private TelemetryConfiguration Telemetry(JsonObjectReader? reader)
    {
        var defaults = new TelemetryConfiguration();
        if (reader is null)
            return defaults;
        var telemetry = new TelemetryConfiguration
        {
            Mqtt = reader.Address("Mqtt", BrokerSchemes, defaults.Mqtt.ToString()) ?? defaults.Mqtt,
            TopicPrefix = reader.Text("TopicPrefix") ?? defaults.TopicPrefix,
            User = reader.Text("User") ?? defaults.User,
            PasswordFile = OptionalPath(reader, "PasswordFile"),
            QueueMegabytes = reader.Number("QueueMegabytes", defaults.QueueMegabytes, 1, 16384),
        };
        string prefix = telemetry.TopicPrefix;
        // MQTT 3.1.1 s4.7: wildcards and NUL stand in no topic name; $ begins the broker's own topics.
        if (prefix.AsSpan().IndexOfAny("+#\0") >= 0 || prefix[0] is '$' or '/' || prefix[^1] == '/' || Encoding.UTF8.GetByteCount(prefix) > 256)
            Error(reader.PathOf("TopicPrefix"), $"\"{prefix.Replace("\0", "\\0", StringComparison.Ordinal)}\" is no topic prefix", "write topic levels without + # $ and without / at the ends, like iotpsk");
        if (!MqttTopic.IsName(telemetry.User) || telemetry.User.Contains('/') || telemetry.User.Contains(':') || telemetry.User.Any(char.IsControl) || telemetry.User.Length > 64)
            Error(reader.PathOf("User"), "is no user name for a broker", "use up to 64 characters without + # / : and control characters");
        reader.End();
        return telemetry;
    }

    // A device is at the broker under its id: one of this name would have the gateway's rights.
    private void CheckBrokerUser(JsonObjectReader root, GatewayConfiguration configuration)
    {
        string user = configuration.Telemetry.User;
        if (DeviceId.IsValid(user) && configuration.Listeners.Any(listener => listener.Protocol == ListenerProtocol.Mqtt))
            Error($"{root.PathOf("Telemetry")}.User", $"\"{user}\" could be the id of a device", "choose a name that no device can have, like ~iotpsk");
    }
}
