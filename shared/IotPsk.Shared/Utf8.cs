namespace IotPsk.Shared
{
    /// <summary>UTF-8 as RFC 3629 has it: well-formed, shortest forms, no surrogates.</summary>
    public static class Utf8
    {
        /// <summary>Tells whether bytes are UTF-8.</summary>
        /// <param name="buffer">The array that holds them.</param>
        /// <param name="at">Where they begin.</param>
        /// <param name="count">How many there are.</param>
        /// <param name="allowNul">Whether U+0000 may be among them; MQTT does not allow it (MQTT 3.1.1 s1.5.3).</param>
        /// <returns>True if they are well-formed.</returns>
        public static bool IsWellFormed(byte[] buffer, int at, int count, bool allowNul)
        {
            int end = at + count;
            while (at < end)
            {
                int c = buffer[at++];
                if (c < 0x80)
                {
                    if (c == 0 && !allowNul)
                    {
                        return false;
                    }

                    continue;
                }

                int more = c >= 0xc2 && c <= 0xdf ? 1 : (c & 0xf0) == 0xe0 ? 2 : c >= 0xf0 && c <= 0xf4 ? 3 : 0;
                if (more == 0 || end - at < more)
                {
                    return false;
                }

                c &= 0x3f >> more;
                int smallest = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
                for (; more > 0; more--)
                {
                    if ((buffer[at] & 0xc0) != 0x80)
                    {
                        return false;
                    }

                    c = (c << 6) | (buffer[at++] & 0x3f);
                }

                if (c < smallest || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                {
                    return false;
                }
            }

            return true;
        }
    }
}
