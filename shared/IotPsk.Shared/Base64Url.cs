using System.Text;

namespace IotPsk.Shared
{
    /// <summary>Base64 with the alphabet for URLs and without padding (RFC 4648 s5, RFC 8428 s5).</summary>
    internal static class Base64Url
    {
        private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

        internal static string Encode(byte[] data)
        {
            var text = new StringBuilder();
            for (int i = 0; i < data.Length; i += 3)
            {
                int left = data.Length - i;
                int bits = (data[i] << 16) | (left > 1 ? data[i + 1] << 8 : 0) | (left > 2 ? data[i + 2] : 0);
                text.Append(Alphabet[bits >> 18]);
                text.Append(Alphabet[(bits >> 12) & 63]);
                if (left > 1)
                {
                    text.Append(Alphabet[(bits >> 6) & 63]);
                }

                if (left > 2)
                {
                    text.Append(Alphabet[bits & 63]);
                }
            }

            return text.ToString();
        }

        /// <summary>Decodes; what no encoder makes is refused: padding, other characters, bits that are left over and not zero.</summary>
        internal static bool TryDecode(string text, out byte[] data)
        {
            data = new byte[text.Length * 3 / 4];
            int bits = 0;
            int count = 0;
            int written = 0;
            for (int i = 0; i < text.Length; i++)
            {
                int value = GetValue(text[i]);
                if (value < 0)
                {
                    return false;
                }

                bits = (bits << 6) | value;
                count += 6;
                if (count >= 8)
                {
                    count -= 8;
                    data[written++] = (byte)(bits >> count);
                    bits &= (1 << count) - 1;
                }
            }

            return bits == 0 && count < 6;
        }

        private static int GetValue(char c)
        {
            return c >= 'A' && c <= 'Z' ? c - 'A'
                : c >= 'a' && c <= 'z' ? c - 'a' + 26
                : c >= '0' && c <= '9' ? c - '0' + 52
                : c == '-' ? 62
                : c == '_' ? 63
                : -1;
        }
    }
}
