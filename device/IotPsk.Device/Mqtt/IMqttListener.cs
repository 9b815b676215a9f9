using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>Hears what an MQTT connection brings. Called on the thread that runs <see cref="MqttClient.Process"/>.</summary>
    public interface IMqttListener
    {
        /// <summary>The server acknowledged a message.</summary>
        /// <param name="message">The message.</param>
        void OnAcknowledged(OutgoingMessage message);

        /// <summary>A message came. It may come twice (QoS 1).</summary>
        /// <param name="message">The message; its payload is valid during the call only.</param>
        void OnMessage(MqttPublish message);
    }
}
