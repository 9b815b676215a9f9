namespace IotPsk.Shared
{
    /// <summary>What reading the beginning of a packet gave.</summary>
    public enum MqttReadStatus
    {
        /// <summary>It is there.</summary>
        Complete = 0,

        /// <summary>More bytes are needed to tell.</summary>
        NeedMoreData = 1,

        /// <summary>It breaks the protocol; the connection has to be closed (MQTT 3.1.1 s4.8).</summary>
        Malformed = 2,
    }
}
