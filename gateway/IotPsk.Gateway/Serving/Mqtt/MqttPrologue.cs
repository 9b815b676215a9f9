using System.Buffers;
using IotPsk.Net;

namespace IotPsk.Gateway.Serving.Mqtt;

/// <summary>Reads CONNECT and nothing after it (<see cref="MqttConnectRules"/>).</summary>
/// <param name="refused">Hears of each CONNECT that is refused.</param>
/// <param name="password">The broker's password; null: what the device sent.</param>
internal sealed class MqttPrologue(Action<SessionInfo, MqttConnectRefusal> refused, byte[]? password) : SessionPrologue
{
    private byte _level = MqttConnectPacket.Level311;

    public override PrologueStatus Inspect(ReadOnlySpan<byte> received, SessionInfo session, out int consumed, IBufferWriter<byte> upstream, IBufferWriter<byte> reply)
    {
        string deviceId = ((DeviceGrant)session.Tag!).Key.DeviceId;
        PrologueStatus status = MqttConnectRules.Judge(received, deviceId, password, out consumed, upstream, reply, out MqttConnectRefusal refusal, out _level);
        if (status == PrologueStatus.Refuse)
            refused(session, refusal);
        return status;
    }

    public override void UpstreamFailed(IBufferWriter<byte> reply) => MqttConnectAnswer.Write(reply, _level, MqttConnectRefusal.ServerUnavailable);
}
