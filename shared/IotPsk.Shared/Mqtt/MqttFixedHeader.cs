using System;

namespace IotPsk.Shared
{
    /// <summary>The fixed header of every packet: type, flags, remaining length (MQTT 3.1.1 s2.2).</summary>
    public struct MqttFixedHeader
    {
        /// <summary>The largest remaining length, in bytes (s2.2.3).</summary>
        public const int MaxRemainingLength = 268435455;

        /// <summary>The longest fixed header, in bytes.</summary>
        public const int MaxLength = 5;

        private MqttPacketType _type;
        private int _flags;
        private int _remainingLength;
        private int _headerLength;

        /// <summary>The packet type.</summary>
        public MqttPacketType Type
        {
            get { return _type; }
        }

        /// <summary>The four flags; they mean something in PUBLISH only (s2.2.2).</summary>
        public int Flags
        {
            get { return _flags; }
        }

        /// <summary>How many bytes follow the fixed header.</summary>
        public int RemainingLength
        {
            get { return _remainingLength; }
        }

        /// <summary>The size of the fixed header itself, 2 to 5 bytes.</summary>
        public int HeaderLength
        {
            get { return _headerLength; }
        }

        /// <summary>Reads a fixed header.</summary>
        /// <param name="buffer">The bytes received.</param>
        /// <param name="offset">Where the packet begins.</param>
        /// <param name="count">How many bytes there are from there on.</param>
        /// <param name="header">The header.</param>
        /// <returns>Malformed for a reserved type, wrong flags, or a length of more than four bytes.</returns>
        public static MqttReadStatus TryRead(byte[] buffer, int offset, int count, out MqttFixedHeader header)
        {
            header = new MqttFixedHeader();
            if (count == 0)
            {
                return MqttReadStatus.NeedMoreData;
            }

            header._type = (MqttPacketType)(buffer[offset] >> 4);
            header._flags = buffer[offset] & 15;
            if (!AreFlagsRight(header._type, header._flags))
            {
                return MqttReadStatus.Malformed;
            }

            int length = 0;
            for (int i = 1; i < MaxLength; i++)
            {
                if (i == count)
                {
                    return MqttReadStatus.NeedMoreData;
                }

                int digit = buffer[offset + i];
                length |= (digit & 0x7f) << ((i - 1) * 7);
                if ((digit & 0x80) == 0)
                {
                    header._remainingLength = length;
                    header._headerLength = i + 1;
                    return MqttReadStatus.Complete;
                }
            }

            return MqttReadStatus.Malformed;
        }

        /// <summary>The size of the fixed header of a packet.</summary>
        /// <param name="remainingLength">How many bytes follow it.</param>
        /// <returns>2 to 5.</returns>
        public static int GetLength(int remainingLength)
        {
            return remainingLength < 0x80 ? 2 : remainingLength < 0x4000 ? 3 : remainingLength < 0x200000 ? 4 : 5;
        }

        /// <summary>Writes a fixed header.</summary>
        /// <param name="type">The packet type.</param>
        /// <param name="flags">Its flags, 0 to 15.</param>
        /// <param name="remainingLength">How many bytes follow.</param>
        /// <param name="buffer">Where to write.</param>
        /// <param name="offset">From which byte on.</param>
        /// <returns>How many bytes were written.</returns>
        /// <exception cref="ArgumentException">The length is out of range, or the whole packet has no room in the buffer.</exception>
        public static int Write(MqttPacketType type, int flags, int remainingLength, byte[] buffer, int offset)
        {
            int needed = GetLength(remainingLength);
            CheckRoom(needed, remainingLength, buffer, offset);
            buffer[offset] = (byte)(((int)type << 4) | flags);
            for (int i = 1; i < needed; i++)
            {
                int digit = remainingLength & 0x7f;
                remainingLength >>= 7;
                buffer[offset + i] = (byte)(i < needed - 1 ? digit | 0x80 : digit);
            }

            return needed;
        }

        internal static void CheckRoom(int header, int content, byte[] buffer, int offset)
        {
            if (content < 0 || content > MaxRemainingLength)
            {
                throw new ArgumentException("The packet is longer than 268435455 bytes (MQTT 3.1.1 s2.2.3).");
            }

            if (buffer == null || offset < 0 || header > buffer.Length - offset)
            {
                throw new ArgumentException("The buffer is too small for the packet.");
            }
        }

        private static bool AreFlagsRight(MqttPacketType type, int flags)
        {
            switch (type)
            {
                case MqttPacketType.Publish:
                    // Both QoS bits set is malformed (MQTT 3.1.1 s3.3.1.2), DUP with QoS 0 too (s3.3.1.1).
                    return (flags & 6) != 6 && ((flags & 6) != 0 || (flags & 8) == 0);
                case MqttPacketType.PubRel:
                case MqttPacketType.Subscribe:
                case MqttPacketType.Unsubscribe:
                    return flags == 2;
                default:
                    return type > MqttPacketType.None && type <= MqttPacketType.Disconnect && flags == 0;
            }
        }
    }
}
