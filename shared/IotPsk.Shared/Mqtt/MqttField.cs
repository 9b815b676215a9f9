using System;
using System.Text;

namespace IotPsk.Shared
{
    /// <summary>The two data representations inside packets: 16-bit numbers and length-prefixed fields (MQTT 3.1.1 s1.5).</summary>
    internal static class MqttField
    {
        internal const int MaxLength = 0xffff;

        internal static int Put(int value, byte[] buffer, int at)
        {
            buffer[at] = (byte)(value >> 8);
            buffer[at + 1] = (byte)value;
            return at + 2;
        }

        internal static int Put(string text, byte[] buffer, int at)
        {
            int end = PutUtf8(text, buffer, at + 2);
            Put(end - at - 2, buffer, at);
            return end;
        }

        internal static int Put(byte[] bytes, byte[] buffer, int at)
        {
            at = Put(bytes.Length, buffer, at);
            Array.Copy(bytes, 0, buffer, at, bytes.Length);
            return at + bytes.Length;
        }

        internal static bool TryTake(byte[] buffer, ref int at, int end, out int value)
        {
            value = 0;
            if (end - at < 2)
            {
                return false;
            }

            value = (buffer[at] << 8) | buffer[at + 1];
            at += 2;
            return true;
        }

        internal static bool TryTake(byte[] buffer, ref int at, int end, out byte[] bytes)
        {
            bytes = null;
            if (!TryTake(buffer, ref at, end, out int length) || end - at < length)
            {
                return false;
            }

            bytes = new byte[length];
            Array.Copy(buffer, at, bytes, 0, length);
            at += length;
            return true;
        }

        internal static bool TryTake(byte[] buffer, ref int at, int end, out string text)
        {
            text = null;
            if (!TryTake(buffer, ref at, end, out int length) || end - at < length || !Utf8.IsWellFormed(buffer, at, length, false))
            {
                return false;
            }

            text = length == 0 ? string.Empty : Encoding.UTF8.GetString(buffer, at, length);
            at += length;
            return true;
        }

        // The size of a text in UTF-8, or -1 if it may not be sent: U+0000 or half a surrogate pair in it (s1.5.3), too long.
        internal static int GetLength(string text)
        {
            int length = 0;
            for (int i = 0; i < text.Length; i++)
            {
                int c = text[i];
                if (c == 0)
                {
                    return -1;
                }

                if (c >= 0xd800 && c <= 0xdfff)
                {
                    if (c > 0xdbff || i + 1 == text.Length || text[i + 1] < 0xdc00 || text[i + 1] > 0xdfff)
                    {
                        return -1;
                    }

                    i++;
                    length += 4;
                }
                else
                {
                    length += c < 0x80 ? 1 : c < 0x800 ? 2 : 3;
                }
            }

            return length > MaxLength ? -1 : length;
        }

        internal static int GetLength(string text, string name)
        {
            int length = text == null ? -1 : GetLength(text);
            if (length < 0)
            {
                throw new ArgumentException("The " + name + " is no text for MQTT: null, with U+0000 or half a surrogate pair, or over 65535 bytes.");
            }

            return length;
        }

        private static int PutUtf8(string text, byte[] buffer, int at)
        {
            for (int i = 0; i < text.Length; i++)
            {
                int c = text[i];
                if (c < 0x80)
                {
                    buffer[at++] = (byte)c;
                    continue;
                }

                if (c >= 0xd800 && c <= 0xdbff)
                {
                    c = 0x10000 + ((c - 0xd800) << 10) + (text[++i] - 0xdc00);
                }

                if (c < 0x800)
                {
                    buffer[at++] = (byte)(0xc0 | (c >> 6));
                }
                else
                {
                    if (c < 0x10000)
                    {
                        buffer[at++] = (byte)(0xe0 | (c >> 12));
                    }
                    else
                    {
                        buffer[at++] = (byte)(0xf0 | (c >> 18));
                        buffer[at++] = (byte)(0x80 | ((c >> 12) & 0x3f));
                    }

                    buffer[at++] = (byte)(0x80 | ((c >> 6) & 0x3f));
                }

                buffer[at++] = (byte)(0x80 | (c & 0x3f));
            }

            return at;
        }
    }
}
