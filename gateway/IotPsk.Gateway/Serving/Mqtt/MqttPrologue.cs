using System.Buffers;
using IotPsk.Net;
using IotPsk.Shared;

namespace IotPsk.Gateway.Serving.Mqtt;

/// <summary>Reads CONNECT and nothing after it (<see cref="MqttConnectRules"/>).</summary>
internal sealed class MqttPrologue(Action<SessionInfo, MqttConnectRefusal> refused) : SessionPrologue
{
    public override PrologueStatus Inspect(ReadOnlySpan<byte> received, SessionInfo session, out int consumed, IBufferWriter<byte> upstream, IBufferWriter<byte> reply)
    {
        string deviceId = ((DeviceGrant)session.Tag!).Key.DeviceId;
        PrologueStatus status = MqttConnectRules.Judge(received, deviceId, out consumed, upstream, reply, out MqttConnectRefusal refusal);
        if (status == PrologueStatus.Refuse)
            refused(session, refusal);
        return status;
    }

    public override void UpstreamFailed(IBufferWriter<byte> reply) => MqttConnectRules.Answer(reply, MqttConnAck.ServerUnavailable);
}
