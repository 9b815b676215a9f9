using System;

namespace IotPsk.Shared
{
    /// <summary>SUBSCRIBE with one topic filter (MQTT 3.1.1 s3.8). One object can be used for many packets.</summary>
    /// <remarks>A packet with several filters is read as its first and <see cref="TryReadNext"/> for the others.</remarks>
    public sealed class MqttSubscribe
    {
        private byte[] _buffer;
        private int _at;
        private int _end;

        /// <summary>The packet identifier, 1 to 65535.</summary>
        public int PacketId { get; set; }

        /// <summary>The topic filter.</summary>
        public string Filter { get; set; }

        /// <summary>The highest QoS the client wants, 0 to 2.</summary>
        public int QualityOfService { get; set; }

        /// <summary>Writes the packet.</summary>
        /// <param name="buffer">Where to write.</param>
        /// <param name="offset">From which byte on.</param>
        /// <returns>How many bytes were written.</returns>
        /// <exception cref="ArgumentException">A field is wrong, or the buffer is too small.</exception>
        public int Write(byte[] buffer, int offset)
        {
            if (PacketId < 1 || PacketId > 0xffff || QualityOfService < 0 || QualityOfService > 2 || !MqttTopic.IsFilter(Filter))
            {
                throw new ArgumentException("Packet identifier, topic filter or QoS of the SUBSCRIBE is not allowed (MQTT 3.1.1 s3.8).");
            }

            int remaining = 5 + MqttField.GetLength(Filter, "topic filter");
            int header = MqttFixedHeader.GetLength(remaining);
            MqttFixedHeader.CheckRoom(header + remaining, remaining, buffer, offset);
            int at = offset + MqttFixedHeader.Write(MqttPacketType.Subscribe, 2, remaining, buffer, offset);
            at = MqttField.Put(PacketId, buffer, at);
            at = MqttField.Put(Filter, buffer, at);
            buffer[at++] = (byte)QualityOfService;
            return at - offset;
        }

        /// <summary>Reads what follows the fixed header, up to the first filter.</summary>
        /// <param name="header">The fixed header.</param>
        /// <param name="buffer">The packet.</param>
        /// <param name="offset">Where the fixed header ended.</param>
        /// <returns>False if it is no well-formed SUBSCRIBE.</returns>
        public bool TryRead(MqttFixedHeader header, byte[] buffer, int offset)
        {
            int end = offset + header.RemainingLength;
            if (header.Type != MqttPacketType.Subscribe || end > buffer.Length
                || !MqttField.TryTake(buffer, ref offset, end, out int packetId) || packetId == 0)
            {
                return false;
            }

            PacketId = packetId;
            _buffer = buffer;
            _at = offset;
            _end = end;
            return TryReadNext(out bool more) && more;
        }

        /// <summary>Reads the next filter of the packet.</summary>
        /// <param name="more">False at the end of the packet.</param>
        /// <returns>False if the packet is malformed.</returns>
        public bool TryReadNext(out bool more)
        {
            more = _at < _end;
            if (!more)
            {
                return true;
            }

            // The six reserved bits are zero, QoS 3 is none (s3.8.3).
            if (!MqttField.TryTake(_buffer, ref _at, _end, out string filter) || !MqttTopic.IsFilter(filter)
                || _at == _end || _buffer[_at] > 2)
            {
                return false;
            }

            Filter = filter;
            QualityOfService = _buffer[_at++];
            return true;
        }
    }
}
