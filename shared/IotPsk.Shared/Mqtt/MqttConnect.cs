using System;

namespace IotPsk.Shared
{
    /// <summary>CONNECT (MQTT 3.1.1 s3.1). One object can be used for many packets.</summary>
    public sealed class MqttConnect
    {
        private const int UserNameFlag = 0x80;
        private const int PasswordFlag = 0x40;
        private const int WillRetainFlag = 0x20;
        private const int WillFlag = 0x04;
        private const int CleanSessionFlag = 0x02;
        private const int FixedPart = 10;

        /// <summary>The client identifier; empty lets the server choose one, with a clean session only (s3.1.3.1).</summary>
        public string ClientId { get; set; } = string.Empty;

        /// <summary>Whether the server forgets the session (s3.1.2.4).</summary>
        public bool CleanSession { get; set; } = true;

        /// <summary>The longest time between two packets of the client, in seconds, 0 to 65535; 0 is no limit (s3.1.2.10).</summary>
        public int KeepAlive { get; set; }

        /// <summary>The user name, or null.</summary>
        public string UserName { get; set; }

        /// <summary>The password, or null; only with a user name (s3.1.2.9).</summary>
        public byte[] Password { get; set; }

        /// <summary>The topic of the will message, or null for no will (s3.1.2.5).</summary>
        public string WillTopic { get; set; }

        /// <summary>The will message; null is an empty one.</summary>
        public byte[] WillMessage { get; set; }

        /// <summary>The QoS of the will message, 0 to 2.</summary>
        public int WillQualityOfService { get; set; }

        /// <summary>Whether the will message is retained.</summary>
        public bool WillRetain { get; set; }

        /// <summary>Writes the packet.</summary>
        /// <param name="buffer">Where to write.</param>
        /// <param name="offset">From which byte on.</param>
        /// <returns>How many bytes were written.</returns>
        /// <exception cref="ArgumentException">A field is wrong, or the buffer is too small.</exception>
        public int Write(byte[] buffer, int offset)
        {
            int remaining = GetRemainingLength();
            int header = MqttFixedHeader.GetLength(remaining);
            MqttFixedHeader.CheckRoom(header + remaining, remaining, buffer, offset);
            int at = offset + MqttFixedHeader.Write(MqttPacketType.Connect, 0, remaining, buffer, offset);
            at = MqttField.Put("MQTT", buffer, at);
            buffer[at++] = 4;
            buffer[at++] = (byte)GetFlags();
            at = MqttField.Put(KeepAlive, buffer, at);
            at = MqttField.Put(ClientId, buffer, at);
            if (WillTopic != null)
            {
                at = MqttField.Put(WillTopic, buffer, at);
                at = WillMessage == null ? MqttField.Put(0, buffer, at) : MqttField.Put(WillMessage, buffer, at);
            }

            if (UserName != null)
            {
                at = MqttField.Put(UserName, buffer, at);
            }

            return (Password == null ? at : MqttField.Put(Password, buffer, at)) - offset;
        }

        /// <summary>Reads what follows the fixed header.</summary>
        /// <param name="header">The fixed header.</param>
        /// <param name="buffer">The packet.</param>
        /// <param name="offset">Where the fixed header ended.</param>
        /// <returns>False if it is no well-formed CONNECT of MQTT 3.1.1.</returns>
        public bool TryRead(MqttFixedHeader header, byte[] buffer, int offset)
        {
            int end = offset + header.RemainingLength;
            if (header.Type != MqttPacketType.Connect || end > buffer.Length
                || !MqttField.TryTake(buffer, ref offset, end, out string protocol) || protocol != "MQTT"
                || end - offset < 4 || buffer[offset] != 4)
            {
                return false;
            }

            int flags = buffer[offset + 1];
            offset += 2;
            if (!AreFlagsRight(flags) || !MqttField.TryTake(buffer, ref offset, end, out int keepAlive)
                || !MqttField.TryTake(buffer, ref offset, end, out string clientId))
            {
                return false;
            }

            KeepAlive = keepAlive;
            ClientId = clientId;
            CleanSession = (flags & CleanSessionFlag) != 0;
            WillQualityOfService = (flags >> 3) & 3;
            WillRetain = (flags & WillRetainFlag) != 0;

            // An empty client id only with a clean session (s3.1.3.1).
            return (clientId.Length > 0 || CleanSession) && TryReadPayload(flags, buffer, offset, end);
        }

        private bool TryReadPayload(int flags, byte[] buffer, int at, int end)
        {
            string text = null;
            byte[] bytes = null;
            if ((flags & WillFlag) != 0 && (!MqttField.TryTake(buffer, ref at, end, out text) || !MqttTopic.IsName(text)
                || !MqttField.TryTake(buffer, ref at, end, out bytes)))
            {
                return false;
            }

            WillTopic = text;
            WillMessage = bytes;
            text = null;
            bytes = null;
            if ((flags & UserNameFlag) != 0 && !MqttField.TryTake(buffer, ref at, end, out text))
            {
                return false;
            }

            if ((flags & PasswordFlag) != 0 && !MqttField.TryTake(buffer, ref at, end, out bytes))
            {
                return false;
            }

            UserName = text;
            Password = bytes;
            return at == end;
        }

        private static bool AreFlagsRight(int flags)
        {
            bool will = (flags & WillFlag) != 0;
            int qualityOfService = (flags >> 3) & 3;

            // The reserved flag (s3.1.2.3), will QoS and retain without a will (s3.1.2.6, s3.1.2.7), a password alone (s3.1.2.9).
            return (flags & 1) == 0 && qualityOfService != 3 && (will || (flags & (WillRetainFlag | 0x18)) == 0)
                && ((flags & PasswordFlag) == 0 || (flags & UserNameFlag) != 0);
        }

        private int GetFlags()
        {
            int flags = CleanSession ? CleanSessionFlag : 0;
            if (WillTopic != null)
            {
                flags |= WillFlag | (WillQualityOfService << 3) | (WillRetain ? WillRetainFlag : 0);
            }

            return flags | (UserName != null ? UserNameFlag : 0) | (Password != null ? PasswordFlag : 0);
        }

        private int GetRemainingLength()
        {
            if (KeepAlive < 0 || KeepAlive > 0xffff || (Password != null && UserName == null)
                || WillQualityOfService < 0 || WillQualityOfService > 2 || (!CleanSession && ClientId.Length == 0)
                || (WillTopic != null && !MqttTopic.IsName(WillTopic)))
            {
                throw new ArgumentException("The keep-alive time, will, client id or password of the CONNECT is not allowed (MQTT 3.1.1 s3.1).");
            }

            int length = FixedPart + 2 + MqttField.GetLength(ClientId, "client id");
            if (WillTopic != null)
            {
                length += 4 + MqttField.GetLength(WillTopic, "will topic") + GetLength(WillMessage);
            }

            if (UserName != null)
            {
                length += 2 + MqttField.GetLength(UserName, "user name");
            }

            return Password == null ? length : length + 2 + GetLength(Password);
        }

        private static int GetLength(byte[] field)
        {
            if (field != null && field.Length > MqttField.MaxLength)
            {
                throw new ArgumentException("A field of the CONNECT is longer than 65535 bytes.");
            }

            return field == null ? 0 : field.Length;
        }
    }
}
