using System;

namespace IotPsk.Shared
{
    /// <summary>PUBLISH (MQTT 3.1.1 s3.3). One object can be used for many packets; the payload is never copied into it.</summary>
    public sealed class MqttPublish
    {
        private const int DuplicateFlag = 8;
        private const int RetainFlag = 1;

        /// <summary>The topic name.</summary>
        public string Topic { get; set; }

        /// <summary>The quality of service, 0 to 2.</summary>
        public int QualityOfService { get; set; }

        /// <summary>Whether the packet was sent before (s3.3.1.1).</summary>
        public bool IsDuplicate { get; set; }

        /// <summary>Whether the server keeps the message for later subscribers (s3.3.1.3).</summary>
        public bool Retain { get; set; }

        /// <summary>The packet identifier, 1 to 65535, with QoS 1 and 2; else 0.</summary>
        public int PacketId { get; set; }

        /// <summary>The array that holds the message.</summary>
        public byte[] Payload { get; set; }

        /// <summary>Where the message begins in it.</summary>
        public int PayloadOffset { get; set; }

        /// <summary>How many bytes it has.</summary>
        public int PayloadCount { get; set; }

        /// <summary>Writes all but the message: it has to follow directly.</summary>
        /// <param name="buffer">Where to write.</param>
        /// <param name="offset">From which byte on.</param>
        /// <returns>How many bytes were written.</returns>
        /// <exception cref="ArgumentException">A field is wrong, or the buffer is too small.</exception>
        public int WriteHeader(byte[] buffer, int offset)
        {
            int variable = GetVariableLength();
            int remaining = variable + PayloadCount;
            int header = MqttFixedHeader.GetLength(remaining);
            MqttFixedHeader.CheckRoom(header + variable, remaining, buffer, offset);
            int flags = (IsDuplicate ? DuplicateFlag : 0) | (QualityOfService << 1) | (Retain ? RetainFlag : 0);
            int at = offset + MqttFixedHeader.Write(MqttPacketType.Publish, flags, remaining, buffer, offset);
            at = MqttField.Put(Topic, buffer, at);
            return (QualityOfService == 0 ? at : MqttField.Put(PacketId, buffer, at)) - offset;
        }

        /// <summary>Writes the packet.</summary>
        /// <param name="buffer">Where to write.</param>
        /// <param name="offset">From which byte on.</param>
        /// <returns>How many bytes were written.</returns>
        /// <exception cref="ArgumentException">A field is wrong, or the buffer is too small.</exception>
        public int Write(byte[] buffer, int offset)
        {
            int header = WriteHeader(buffer, offset);
            MqttFixedHeader.CheckRoom(header + PayloadCount, PayloadCount, buffer, offset);
            if (PayloadCount > 0)
            {
                Array.Copy(Payload, PayloadOffset, buffer, offset + header, PayloadCount);
            }

            return header + PayloadCount;
        }

        /// <summary>Reads what follows the fixed header; the message stays in the buffer.</summary>
        /// <param name="header">The fixed header.</param>
        /// <param name="buffer">The packet.</param>
        /// <param name="offset">Where the fixed header ended.</param>
        /// <returns>False if it is no well-formed PUBLISH.</returns>
        public bool TryRead(MqttFixedHeader header, byte[] buffer, int offset)
        {
            int end = offset + header.RemainingLength;
            int qualityOfService = (header.Flags >> 1) & 3;
            int packetId = 0;
            if (header.Type != MqttPacketType.Publish || end > buffer.Length
                || !MqttField.TryTake(buffer, ref offset, end, out string topic) || !MqttTopic.IsName(topic)
                || (qualityOfService > 0 && (!MqttField.TryTake(buffer, ref offset, end, out packetId) || packetId == 0)))
            {
                return false;
            }

            Topic = topic;
            QualityOfService = qualityOfService;
            IsDuplicate = (header.Flags & DuplicateFlag) != 0;
            Retain = (header.Flags & RetainFlag) != 0;
            PacketId = packetId;
            Payload = buffer;
            PayloadOffset = offset;
            PayloadCount = end - offset;
            return true;
        }

        private int GetVariableLength()
        {
            if (!MqttTopic.IsName(Topic))
            {
                throw new ArgumentException("The topic is no topic name: null, empty or with a wildcard (MQTT 3.1.1 s3.3.2.1).");
            }

            bool identified = QualityOfService > 0;
            if (QualityOfService < 0 || QualityOfService > 2 || (IsDuplicate && !identified)
                || (identified && (PacketId < 1 || PacketId > 0xffff)))
            {
                throw new ArgumentException("QoS, DUP flag and packet identifier of the PUBLISH do not fit (MQTT 3.1.1 s3.3).");
            }

            if (PayloadCount < 0 || PayloadOffset < 0
                || (PayloadCount > 0 && (Payload == null || PayloadOffset > Payload.Length - PayloadCount)))
            {
                throw new ArgumentException("The message is not inside its array.");
            }

            return 2 + MqttField.GetLength(Topic, "topic") + (identified ? 2 : 0);
        }
    }
}
