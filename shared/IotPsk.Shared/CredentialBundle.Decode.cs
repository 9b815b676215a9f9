using System;

namespace IotPsk.Shared
{
    public sealed partial class CredentialBundle
    {
        private const int FirstSkippedField = 64;

        /// <summary>Reads a bundle, with its keys or without (the public part).</summary>
        /// <param name="buffer">The bytes.</param>
        /// <param name="offset">Where the bundle begins.</param>
        /// <param name="count">How many bytes it has.</param>
        /// <returns>The bundle; its keys are copies, which <see cref="Clear"/> zeroes.</returns>
        /// <exception cref="ArgumentException">The range is not inside the buffer.</exception>
        /// <exception cref="FormatException">It is no bundle, or a field is missing or wrong; the message names it.</exception>
        public static CredentialBundle Decode(byte[] buffer, int offset, int count)
        {
            CborReader reader = new CborReader(buffer, offset, count);
            CredentialBundle bundle = new CredentialBundle();
            string problem = count > MaxLength ? NotABundle : bundle.ReadFrom(reader);
            if (problem == null)
            {
                problem = bundle.FindProblem();
            }

            if (problem != null)
            {
                bundle.Clear();
                throw new FormatException(problem);
            }

            return bundle;
        }

        // Returns what is wrong, or null. A missing field is found by FindProblem, as its value is then null or negative.
        private string ReadFrom(CborReader reader)
        {
            if (!reader.TryReadMap(out int entries))
            {
                return NotABundle;
            }

            RecordSizeLimit = -1;
            Epoch = -1;
            int seen = 0;
            ulong last = 0;
            for (; entries > 0; entries--)
            {
                // Ascending, hence each once (RFC 8949 s4.2.1).
                if (!reader.TryReadUInt64(out ulong field) || field <= last)
                {
                    return NotABundle;
                }

                last = field;
                if (!ReadField(reader, field))
                {
                    return Describe(field < FirstSkippedField ? (int)field : FirstSkippedField);
                }

                seen |= field < 32 ? 1 << (int)field : 0;
            }

            if (reader.Remaining != 0)
            {
                return NotABundle;
            }

            return (seen & (1 << 1)) == 0 ? Describe(1) : (seen & (1 << 11)) == 0 ? Describe(11) : null;
        }

        private bool ReadField(CborReader reader, ulong field)
        {
            if (field >= FirstSkippedField)
            {
                return reader.TrySkip();
            }

            bool read = false;
            string text;
            byte[] bytes;
            int number;
            switch ((int)field)
            {
                case 1: return reader.TryReadUInt(out number) && number == Version;
                case 2: read = reader.TryReadAscii(out text); DeviceId = text; break;
                case 3: read = reader.TryReadAscii(out text); ServerId = text; break;
                case 4: read = reader.TryReadAscii(out text); TlsAddress = text; break;
                case 5: read = reader.TryReadAscii(out text); DtlsAddress = text; break;
                case 6: read = reader.TryReadBytes(out bytes); Tls13Identity = bytes; break;
                case 7: read = reader.TryReadBytes(out bytes); Tls13Key = bytes; break;
                case 8: read = reader.TryReadBytes(out bytes); Tls12Identity = bytes; break;
                case 9: read = reader.TryReadBytes(out bytes); Tls12Key = bytes; break;
                case 10: read = reader.TryReadUInt(out number); RecordSizeLimit = number; break;
                case 11: read = reader.TryReadBool(out bool flag); UseConnectionId = flag; break;
                case 12: read = reader.TryReadUInt(out number); Epoch = number; break;
                case 13: read = reader.TryReadUInt(out number) && number != 0; SessionRandoms = number; break;
                default: break;
            }

            return read;
        }
    }
}
