using System.Security.Cryptography;
using IotPsk.Shared;

namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>Packets for the broker, gathered so that many go in one write. Whoever adds one has seen to the room.</summary>
internal sealed class BrokerOutput
{
    /// <summary>Room for the headers of any packet, in bytes.</summary>
    internal const int Small = 64;

    private readonly byte[] _buffer = new byte[TelemetryQueue.MaxMessage + 8 * 1024];
    private readonly MqttPublish _publish = new() { QualityOfService = 1 };

    internal int Length { get; private set; }

    internal int Room => _buffer.Length - Length;

    internal ReadOnlyMemory<byte> Written => _buffer.AsMemory(0, Length);

    internal void Clear() => Length = 0;

    /// <summary>Forgets what was written: the password.</summary>
    internal void Wipe() => CryptographicOperations.ZeroMemory(_buffer);

    internal void Connect(BrokerOptions options)
    {
        var connect = new MqttConnect
        {
            ClientId = options.ClientId,
            CleanSession = false,
            KeepAlive = (int)options.KeepAlive.TotalSeconds,
            UserName = options.User,
            Password = options.Password,
        };
        Length += connect.Write(_buffer, Length);
    }

    internal void Subscribe(string filter, int id) =>
        Length += new MqttSubscribe { PacketId = id, Filter = filter, QualityOfService = 1 }.Write(_buffer, Length);

    internal void Publish(string prefix, DeliveryWindow.Slot slot)
    {
        QueuedMessage message = slot.Message;
        (_publish.Topic, _publish.PacketId, _publish.IsDuplicate, _publish.Retain) = ($"{prefix}/{message.Topic}", slot.Id, slot.IsDuplicate, message.Retain);
        (_publish.Payload, _publish.PayloadCount) = (message.Payload, message.Payload.Length);
        Length += _publish.Write(_buffer, Length);
    }

    internal void Acknowledge(int id) => Length += MqttPubAck.Write(id, _buffer, Length);

    internal void Ping() => Length += MqttPacket.WriteEmpty(MqttPacketType.PingReq, _buffer, Length);

    internal void Disconnect() => Length += MqttPacket.WriteEmpty(MqttPacketType.Disconnect, _buffer, Length);
}
