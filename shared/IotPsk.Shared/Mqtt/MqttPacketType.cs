namespace IotPsk.Shared
{
    /// <summary>MQTT control packet types (MQTT 3.1.1 s2.2.1).</summary>
    public enum MqttPacketType
    {
        /// <summary>Reserved: no packet.</summary>
        None = 0,

        /// <summary>CONNECT: the client asks for a connection.</summary>
        Connect = 1,

        /// <summary>CONNACK: the server's answer to it.</summary>
        ConnAck = 2,

        /// <summary>PUBLISH: an application message.</summary>
        Publish = 3,

        /// <summary>PUBACK: a message of QoS 1 arrived.</summary>
        PubAck = 4,

        /// <summary>PUBREC: QoS 2, part 1.</summary>
        PubRec = 5,

        /// <summary>PUBREL: QoS 2, part 2.</summary>
        PubRel = 6,

        /// <summary>PUBCOMP: QoS 2, part 3.</summary>
        PubComp = 7,

        /// <summary>SUBSCRIBE: the client asks for messages.</summary>
        Subscribe = 8,

        /// <summary>SUBACK: the server's answer to it.</summary>
        SubAck = 9,

        /// <summary>UNSUBSCRIBE: the client wants no more of them.</summary>
        Unsubscribe = 10,

        /// <summary>UNSUBACK: the server's answer to it.</summary>
        UnsubAck = 11,

        /// <summary>PINGREQ: the client asks whether the server is alive.</summary>
        PingReq = 12,

        /// <summary>PINGRESP: the server is.</summary>
        PingResp = 13,

        /// <summary>DISCONNECT: the client leaves in order.</summary>
        Disconnect = 14,
    }
}
