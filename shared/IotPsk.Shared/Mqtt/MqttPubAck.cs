namespace IotPsk.Shared
{
    /// <summary>PUBACK (MQTT 3.1.1 s3.4).</summary>
    public static class MqttPubAck
    {
        /// <summary>The size of the packet, in bytes.</summary>
        public const int Length = 4;

        /// <summary>Writes the packet.</summary>
        /// <param name="packetId">The identifier of the PUBLISH, 1 to 65535.</param>
        /// <param name="buffer">Where to write.</param>
        /// <param name="offset">From which byte on.</param>
        /// <returns>How many bytes were written.</returns>
        /// <exception cref="System.ArgumentException">The buffer is too small.</exception>
        public static int Write(int packetId, byte[] buffer, int offset)
        {
            MqttFixedHeader.CheckRoom(Length, 2, buffer, offset);
            MqttFixedHeader.Write(MqttPacketType.PubAck, 0, 2, buffer, offset);
            MqttField.Put(packetId, buffer, offset + 2);
            return Length;
        }

        /// <summary>Reads what follows the fixed header.</summary>
        /// <param name="header">The fixed header.</param>
        /// <param name="buffer">The packet.</param>
        /// <param name="offset">Where the fixed header ended.</param>
        /// <param name="packetId">The identifier of the PUBLISH it answers.</param>
        /// <returns>False if it is no well-formed PUBACK.</returns>
        public static bool TryRead(MqttFixedHeader header, byte[] buffer, int offset, out int packetId)
        {
            packetId = 0;
            return header.Type == MqttPacketType.PubAck && header.RemainingLength == 2
                && MqttField.TryTake(buffer, ref offset, buffer.Length, out packetId) && packetId != 0;
        }
    }
}
