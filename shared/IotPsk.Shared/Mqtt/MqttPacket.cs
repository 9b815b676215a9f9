namespace IotPsk.Shared
{
    /// <summary>The packets that are a fixed header and nothing else: PINGREQ, PINGRESP, DISCONNECT (MQTT 3.1.1 s3.12 to s3.14).</summary>
    public static class MqttPacket
    {
        /// <summary>Writes a packet without content.</summary>
        /// <param name="type">PINGREQ, PINGRESP or DISCONNECT.</param>
        /// <param name="buffer">Where to write.</param>
        /// <param name="offset">From which byte on.</param>
        /// <returns>How many bytes were written.</returns>
        /// <exception cref="System.ArgumentException">Another type, or the buffer is too small.</exception>
        public static int WriteEmpty(MqttPacketType type, byte[] buffer, int offset)
        {
            if (type < MqttPacketType.PingReq || type > MqttPacketType.Disconnect)
            {
                throw new System.ArgumentException("Only PINGREQ, PINGRESP and DISCONNECT have no content.");
            }

            return MqttFixedHeader.Write(type, 0, 0, buffer, offset);
        }

        /// <summary>Tells whether a packet has the size its type demands, where that is fixed.</summary>
        /// <param name="header">The fixed header.</param>
        /// <returns>False if a client or server must close the connection (s4.8).</returns>
        public static bool IsLengthRight(MqttFixedHeader header)
        {
            switch (header.Type)
            {
                case MqttPacketType.PingReq:
                case MqttPacketType.PingResp:
                case MqttPacketType.Disconnect:
                    return header.RemainingLength == 0;
                case MqttPacketType.ConnAck:
                case MqttPacketType.PubAck:
                case MqttPacketType.PubRec:
                case MqttPacketType.PubRel:
                case MqttPacketType.PubComp:
                case MqttPacketType.UnsubAck:
                    return header.RemainingLength == 2;
                default:
                    return header.RemainingLength > 0;
            }
        }
    }
}
