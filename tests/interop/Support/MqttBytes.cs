using System.Text;
using IotPsk.Shared;

namespace IotPsk.Interop.Tests.Support;

/// <summary>Packets that a device without a library sends.</summary>
internal static class MqttBytes
{
    public static readonly byte[] Disconnect = [0xe0, 0];

    public static byte[] Connect(string clientId = "", string? userName = null)
    {
        byte[] buffer = new byte[512];
        return buffer[..new MqttConnect { ClientId = clientId, UserName = userName, KeepAlive = 60 }.Write(buffer, 0)];
    }

    /// <summary>QoS 1, packet identifier 1.</summary>
    public static byte[] Publish(string topic, string payload)
    {
        byte[] buffer = new byte[512], content = Encoding.UTF8.GetBytes(payload);
        var publish = new MqttPublish { Topic = topic, QualityOfService = 1, PacketId = 1, Payload = content, PayloadCount = content.Length };
        return buffer[..publish.Write(buffer, 0)];
    }

    /// <summary>A whole visit: CONNECT, a message of telemetry, DISCONNECT.</summary>
    public static byte[] Visit(string device, string payload) => [.. Connect(), .. Publish($"iotpsk/{device}/telemetry", payload), .. Disconnect];
}
