using System.Buffers;
using IotPsk.Shared;

namespace IotPsk.Gateway.Serving.Mqtt;

/// <summary>The CONNACK of a CONNECT that does not go to the broker, in the form of its protocol level (3.1.1 s3.2, MQTT 5 s3.2).</summary>
internal static class MqttConnectAnswer
{
    /// <summary>Writes what the client is told; nothing where the connection is just closed.</summary>
    internal static void Write(IBufferWriter<byte> reply, byte level, MqttConnectRefusal refusal)
    {
        byte code = level == MqttConnectPacket.Level5 ? Code5(refusal) : Code311(refusal);
        if (code != 0)
            reply.Write(level == MqttConnectPacket.Level5 ? [0x20, 3, 0, code, 0] : [0x20, 2, 0, code]);
    }

    // 3.1.1 s3.2.2.3; s4.8: without a code the connection is closed.
    private static byte Code311(MqttConnectRefusal refusal) => refusal switch
    {
        MqttConnectRefusal.UnsupportedLevel => (byte)MqttConnAck.UnacceptableProtocolVersion, // s3.1.2.2
        MqttConnectRefusal.EmptyClientId => (byte)MqttConnAck.IdentifierRejected,             // s3.1.3.1
        MqttConnectRefusal.ServerUnavailable => (byte)MqttConnAck.ServerUnavailable,
        MqttConnectRefusal.ForeignClientId or MqttConnectRefusal.ForeignUserName => (byte)MqttConnAck.NotAuthorized,
        _ => 0,
    };

    // MQTT 5 s3.2.2.2.
    private static byte Code5(MqttConnectRefusal refusal) => refusal switch
    {
        MqttConnectRefusal.Malformed => 0x81,
        MqttConnectRefusal.UnsupportedLevel => 0x84,
        MqttConnectRefusal.ForeignClientId or MqttConnectRefusal.ForeignUserName => 0x87,
        MqttConnectRefusal.ServerUnavailable => 0x88,
        _ => 0,
    };
}
