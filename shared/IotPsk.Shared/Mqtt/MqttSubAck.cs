using System;

namespace IotPsk.Shared
{
    /// <summary>SUBACK (MQTT 3.1.1 s3.9). One object can be used for many packets.</summary>
    public sealed class MqttSubAck
    {
        /// <summary>Return code: the subscription failed.</summary>
        public const int Failure = 0x80;

        /// <summary>The identifier of the SUBSCRIBE it answers.</summary>
        public int PacketId { get; set; }

        /// <summary>One code for every filter: the QoS granted, 0 to 2, or <see cref="Failure"/>.</summary>
        public byte[] ReturnCodes { get; set; }

        /// <summary>Writes the packet.</summary>
        /// <param name="buffer">Where to write.</param>
        /// <param name="offset">From which byte on.</param>
        /// <returns>How many bytes were written.</returns>
        /// <exception cref="ArgumentException">There is no return code, or the buffer is too small.</exception>
        public int Write(byte[] buffer, int offset)
        {
            if (ReturnCodes == null || ReturnCodes.Length == 0)
            {
                throw new ArgumentException("A SUBACK has a return code for every filter (MQTT 3.1.1 s3.9.3).");
            }

            int remaining = 2 + ReturnCodes.Length;
            int header = MqttFixedHeader.GetLength(remaining);
            MqttFixedHeader.CheckRoom(header + remaining, remaining, buffer, offset);
            int at = offset + MqttFixedHeader.Write(MqttPacketType.SubAck, 0, remaining, buffer, offset);
            at = MqttField.Put(PacketId, buffer, at);
            Array.Copy(ReturnCodes, 0, buffer, at, ReturnCodes.Length);
            return header + remaining;
        }

        /// <summary>Reads what follows the fixed header.</summary>
        /// <param name="header">The fixed header.</param>
        /// <param name="buffer">The packet.</param>
        /// <param name="offset">Where the fixed header ended.</param>
        /// <returns>False if it is no well-formed SUBACK.</returns>
        public bool TryRead(MqttFixedHeader header, byte[] buffer, int offset)
        {
            int end = offset + header.RemainingLength;
            if (header.Type != MqttPacketType.SubAck || end > buffer.Length
                || !MqttField.TryTake(buffer, ref offset, end, out int packetId) || packetId == 0 || offset == end)
            {
                return false;
            }

            byte[] codes = new byte[end - offset];
            for (int i = 0; i < codes.Length; i++)
            {
                codes[i] = buffer[offset + i];
                if (codes[i] > 2 && codes[i] != Failure)
                {
                    return false;
                }
            }

            PacketId = packetId;
            ReturnCodes = codes;
            return true;
        }
    }
}
