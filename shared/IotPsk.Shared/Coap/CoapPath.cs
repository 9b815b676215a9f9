using System;
using System.Text;

namespace IotPsk.Shared
{
    /// <summary>Paths with queries, as they stand in URIs and links, and the options they become (RFC 7252 s6.4, s6.5).</summary>
    public static class CoapPath
    {
        private const string Hex = "0123456789ABCDEF";
        private const string SubDelimiters = "!$&'()*+,;=:@";
        private const string Unreserved = "-._~";

        /// <summary>Adds the options Uri-Path and Uri-Query.</summary>
        /// <param name="writer">A request that has no option beyond Uri-Path yet.</param>
        /// <param name="path">For example <c>/rd?ep=node-1</c>; <c>%</c> and two hexadecimal digits stand for a byte.</param>
        /// <exception cref="ArgumentException">It is no such path, or <see cref="CoapWriter"/> refuses an option.</exception>
        public static void Add(CoapWriter writer, string path)
        {
            Add(writer, path, CoapOption.UriPath, CoapOption.UriQuery);
        }

        /// <summary>Adds the options Location-Path and Location-Query (RFC 7252 s5.10.7).</summary>
        /// <param name="writer">A response that has no option beyond Location-Path yet.</param>
        /// <param name="path">As for <see cref="Add(CoapWriter, string)"/>.</param>
        /// <exception cref="ArgumentException">It is no such path, or <see cref="CoapWriter"/> refuses an option.</exception>
        public static void AddLocation(CoapWriter writer, string path)
        {
            Add(writer, path, CoapOption.LocationPath, CoapOption.LocationQuery);
        }

        /// <summary>Makes one text of the options Uri-Path and Uri-Query.</summary>
        /// <param name="reader">The request.</param>
        /// <returns>A path that begins with a slash, bytes that cannot stand in one as <c>%XX</c>.</returns>
        public static string Format(CoapReader reader)
        {
            return Format(reader, CoapOption.UriPath, CoapOption.UriQuery);
        }

        /// <summary>Makes one text of the options Location-Path and Location-Query.</summary>
        /// <param name="reader">The response.</param>
        /// <returns>As <see cref="Format(CoapReader)"/>.</returns>
        public static string FormatLocation(CoapReader reader)
        {
            return Format(reader, CoapOption.LocationPath, CoapOption.LocationQuery);
        }

        private static void Add(CoapWriter writer, string path, int segmentOption, int queryOption)
        {
            if (path == null || path.Length == 0 || path[0] != '/')
            {
                throw new ArgumentException("A path begins with a slash.");
            }

            int query = path.IndexOf('?');
            int pathEnd = query < 0 ? path.Length : query;
            // The path "/" alone is no option at all (s6.4 step 8).
            for (int at = 1; pathEnd > 1 && at <= pathEnd; at++)
            {
                at = AddPart(writer, segmentOption, path, at, pathEnd, '/');
            }

            for (int at = query + 1; query >= 0 && at <= path.Length; at++)
            {
                at = AddPart(writer, queryOption, path, at, path.Length, '&');
            }
        }

        private static int AddPart(CoapWriter writer, int option, string path, int at, int end, char separator)
        {
            int stop = path.IndexOf(separator, at);
            stop = stop < 0 || stop > end ? end : stop;
            byte[] text = Encoding.UTF8.GetBytes(path.Substring(at, stop - at));
            int length = 0;
            for (int i = 0; i < text.Length; i++)
            {
                int c = text[i];
                if (c == '%')
                {
                    c = i + 2 < text.Length ? (GetDigit(text[i + 1]) << 4) | GetDigit(text[i + 2]) : -1;
                    i += 2;
                }

                if (c < 0)
                {
                    throw new ArgumentException("In a path two hexadecimal digits follow each %.");
                }

                text[length++] = (byte)c;
            }

            writer.AddOption(option, text, 0, length);
            return stop;
        }

        private static int GetDigit(byte c)
        {
            return c >= '0' && c <= '9' ? c - '0'
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : -1;
        }

        private static bool IsIn(string characters, char c)
        {
            for (int i = 0; i < characters.Length; i++)
            {
                if (characters[i] == c)
                {
                    return true;
                }
            }

            return false;
        }

        private static string Format(CoapReader reader, int segmentOption, int queryOption)
        {
            var text = new StringBuilder();
            char separator = '?';
            reader.RewindOptions();
            while (reader.ReadOption())
            {
                if (reader.OptionNumber == segmentOption)
                {
                    text.Append('/');
                    AppendValue(text, reader, false);
                }
                else if (reader.OptionNumber == queryOption)
                {
                    // A request without Uri-Path is for "/" (s6.5 step 7).
                    text.Append(text.Length == 0 ? "/" : string.Empty);
                    text.Append(separator);
                    separator = '&';
                    AppendValue(text, reader, true);
                }
            }

            return text.Length == 0 ? "/" : text.ToString();
        }

        private static void AppendValue(StringBuilder text, CoapReader reader, bool isQuery)
        {
            for (int i = 0; i < reader.OptionLength; i++)
            {
                char c = (char)reader.Buffer[reader.OptionOffset + i];
                bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
                    || IsIn(Unreserved, c)
                    || (IsIn(SubDelimiters, c) && !(isQuery && c == '&'))
                    || (isQuery && (c == '/' || c == '?'));
                if (plain)
                {
                    text.Append(c);
                }
                else
                {
                    text.Append('%');
                    text.Append(Hex[c >> 4]);
                    text.Append(Hex[c & 15]);
                }
            }
        }
    }
}
