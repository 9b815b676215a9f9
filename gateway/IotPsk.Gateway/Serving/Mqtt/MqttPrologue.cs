using System.Buffers;
using IotPsk.Net;

namespace IotPsk.Gateway.Serving.Mqtt;

/// <summary>Reads CONNECT and nothing after it (<see cref="MqttConnectRules"/>).</summary>
internal sealed class MqttPrologue(Action<SessionInfo, MqttConnectRefusal> refused) : SessionPrologue
{
    private byte _level = MqttConnectPacket.Level311;

    public override PrologueStatus Inspect(ReadOnlySpan<byte> received, SessionInfo session, out int consumed, IBufferWriter<byte> upstream, IBufferWriter<byte> reply)
    {
        string deviceId = ((DeviceGrant)session.Tag!).Key.DeviceId;
        PrologueStatus status = MqttConnectRules.Judge(received, deviceId, out consumed, upstream, reply, out MqttConnectRefusal refusal, out _level);
        if (status == PrologueStatus.Refuse)
            refused(session, refusal);
        return status;
    }

    public override void UpstreamFailed(IBufferWriter<byte> reply) => MqttConnectAnswer.Write(reply, _level, MqttConnectRefusal.ServerUnavailable);
}
