using System.Text;
using IotPsk.Shared;

namespace IotPsk.Device.Tests.Support;

/// <summary>Keeps what it is told.</summary>
internal sealed class RecordingListener : IMqttListener
{
    internal List<string> Messages { get; } = [];

    internal List<int> Acknowledged { get; } = [];

    public void OnAcknowledged(OutgoingMessage message) => Acknowledged.Add(message.Sequence);

    public void OnMessage(MqttPublish message) =>
        Messages.Add($"{message.Topic} {Encoding.UTF8.GetString(message.Payload, message.PayloadOffset, message.PayloadCount)}");
}
