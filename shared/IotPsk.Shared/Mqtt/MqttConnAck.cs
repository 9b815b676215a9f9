namespace IotPsk.Shared
{
    /// <summary>CONNACK (MQTT 3.1.1 s3.2). One object can be used for many packets.</summary>
    public sealed class MqttConnAck
    {
        /// <summary>The size of the packet, in bytes.</summary>
        public const int Length = 4;

        /// <summary>Return code: accepted.</summary>
        public const int Accepted = 0;

        /// <summary>Return code: the server does not speak this protocol level.</summary>
        public const int UnacceptableProtocolVersion = 1;

        /// <summary>Return code: the client id is not allowed.</summary>
        public const int IdentifierRejected = 2;

        /// <summary>Return code: the MQTT service is not available.</summary>
        public const int ServerUnavailable = 3;

        /// <summary>Return code: user name or password are malformed.</summary>
        public const int BadUserNameOrPassword = 4;

        /// <summary>Return code: the client is not authorised.</summary>
        public const int NotAuthorized = 5;

        /// <summary>Whether the server kept a session of this client (s3.2.2.2).</summary>
        public bool SessionPresent { get; set; }

        /// <summary>The return code, 0 to 255 (s3.2.2.3).</summary>
        public int ReturnCode { get; set; }

        /// <summary>Writes the packet.</summary>
        /// <param name="buffer">Where to write.</param>
        /// <param name="offset">From which byte on.</param>
        /// <returns>How many bytes were written.</returns>
        /// <exception cref="System.ArgumentException">The buffer is too small.</exception>
        public int Write(byte[] buffer, int offset)
        {
            MqttFixedHeader.CheckRoom(Length, 2, buffer, offset);
            MqttFixedHeader.Write(MqttPacketType.ConnAck, 0, 2, buffer, offset);
            buffer[offset + 2] = (byte)(SessionPresent ? 1 : 0);
            buffer[offset + 3] = (byte)ReturnCode;
            return Length;
        }

        /// <summary>Reads what follows the fixed header.</summary>
        /// <param name="header">The fixed header.</param>
        /// <param name="buffer">The packet.</param>
        /// <param name="offset">Where the fixed header ended.</param>
        /// <returns>False if it is no well-formed CONNACK.</returns>
        public bool TryRead(MqttFixedHeader header, byte[] buffer, int offset)
        {
            // A session is present only where the connection was accepted (s3.2.2.2).
            if (header.Type != MqttPacketType.ConnAck || header.RemainingLength != 2 || offset + 2 > buffer.Length
                || buffer[offset] > 1 || (buffer[offset] == 1 && buffer[offset + 1] != Accepted))
            {
                return false;
            }

            SessionPresent = buffer[offset] == 1;
            ReturnCode = buffer[offset + 1];
            return true;
        }
    }
}
