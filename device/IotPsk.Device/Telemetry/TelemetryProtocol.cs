namespace IotPsk.Device
{
    /// <summary>What a <see cref="TelemetryClient"/> speaks.</summary>
    public enum TelemetryProtocol
    {
        /// <summary>MQTT 3.1.1 over TLS 1.3.</summary>
        Mqtt = 0,

        /// <summary>LwM2M 1.1 over CoAP and DTLS 1.2.</summary>
        Lwm2m = 1,
    }
}
