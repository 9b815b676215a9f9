using System;
using System.Text;

namespace IotPsk.Shared
{
    /// <summary>
    /// Reads CBOR (RFC 8949): canonical (s4.2.1: definite lengths and shortest forms only), or as others write it.
    /// </summary>
    /// <remarks>Every method returns false when the next item is not what it reads; the position is then of no more use.</remarks>
    public sealed partial class CborReader
    {
        private const int NestingMax = 4;

        private readonly byte[] _buffer;
        private readonly int _end;
        private readonly bool _canonical;
        private int _position;

        /// <summary>Reads canonical CBOR in a range of a buffer.</summary>
        /// <param name="buffer">The buffer.</param>
        /// <param name="offset">Where to begin.</param>
        /// <param name="count">How many bytes there are.</param>
        /// <exception cref="ArgumentException">The range is not inside the buffer.</exception>
        public CborReader(byte[] buffer, int offset, int count)
            : this(buffer, offset, count, true)
        {
        }

        /// <summary>Reads a range of a buffer.</summary>
        /// <param name="buffer">The buffer.</param>
        /// <param name="offset">Where to begin.</param>
        /// <param name="count">How many bytes there are.</param>
        /// <param name="canonical">
        /// False to take longer forms than needed too, and arrays and maps of indefinite length; strings in chunks are never taken.
        /// </param>
        /// <exception cref="ArgumentException">The range is not inside the buffer.</exception>
        public CborReader(byte[] buffer, int offset, int count, bool canonical)
        {
            if (buffer == null || offset < 0 || count < 0 || offset > buffer.Length - count)
            {
                throw new ArgumentException("The range is not inside the buffer.");
            }

            _buffer = buffer;
            _position = offset;
            _end = offset + count;
            _canonical = canonical;
        }

        /// <summary>How many bytes are left.</summary>
        public int Remaining
        {
            get { return _end - _position; }
        }

        /// <summary>Reads an unsigned integer of any size, as map keys are.</summary>
        /// <param name="value">The integer.</param>
        /// <returns>True if there was one.</returns>
        public bool TryReadUInt64(out ulong value)
        {
            return TryReadHead(out int major, out int _, out value) && major == CborMajor.UnsignedInteger;
        }

        /// <summary>Reads an unsigned integer that fits in 31 bits.</summary>
        /// <param name="value">The integer.</param>
        /// <returns>True if there was one.</returns>
        public bool TryReadUInt(out int value)
        {
            bool read = TryReadUInt64(out ulong wide) && wide <= int.MaxValue;
            value = read ? (int)wide : 0;
            return read;
        }

        /// <summary>Reads a byte string.</summary>
        /// <param name="value">A copy of its bytes, or null.</param>
        /// <returns>True if there was one.</returns>
        public bool TryReadBytes(out byte[] value)
        {
            value = null;
            if (!TryReadString(CborMajor.ByteString, out int start, out int length))
            {
                return false;
            }

            value = new byte[length];
            Array.Copy(_buffer, start, value, 0, length);
            return true;
        }

        /// <summary>Reads a text string of printable ASCII.</summary>
        /// <param name="value">The text, or null.</param>
        /// <returns>True if there was one; false also for other characters.</returns>
        public bool TryReadAscii(out string value)
        {
            value = null;
            if (!TryReadString(CborMajor.TextString, out int start, out int length))
            {
                return false;
            }

            for (int i = start; i < start + length; i++)
            {
                if (_buffer[i] < 0x20 || _buffer[i] > 0x7e)
                {
                    return false;
                }
            }

            value = length == 0 ? string.Empty : Encoding.UTF8.GetString(_buffer, start, length);
            return true;
        }

        /// <summary>Reads false or true.</summary>
        /// <param name="value">Which.</param>
        /// <returns>True if there was one.</returns>
        public bool TryReadBool(out bool value)
        {
            bool read = TryReadHead(out int major, out int info, out ulong _)
                && major == CborMajor.Simple && (info == CborMajor.False || info == CborMajor.True);
            value = read && info == CborMajor.True;
            return read;
        }

        /// <summary>Reads the head of a map.</summary>
        /// <param name="entries">How many pairs follow.</param>
        /// <returns>True if there was one, with no more pairs than could fit.</returns>
        public bool TryReadMap(out int entries)
        {
            bool read = TryReadHead(out int major, out int _, out ulong count)
                && major == CborMajor.Map && count <= (ulong)(_end - _position) / 2;
            entries = read ? (int)count : 0;
            return read;
        }

        /// <summary>Passes over one item of any kind, nested at most four deep.</summary>
        /// <returns>True if there was one.</returns>
        public bool TrySkip()
        {
            return TrySkip(0);
        }

        private bool TrySkip(int depth)
        {
            if (depth <= NestingMax && TryReadIndefinite(CborMajor.Array, CborMajor.Map))
            {
                while (!TryReadBreak())
                {
                    if (!TrySkip(depth + 1))
                    {
                        return false;
                    }
                }

                return true;
            }

            if (depth > NestingMax || !TryReadHead(out int major, out int _, out ulong value))
            {
                return false;
            }

            ulong left = (ulong)(_end - _position);
            if (major == CborMajor.ByteString || major == CborMajor.TextString)
            {
                if (value > left)
                {
                    return false;
                }

                _position += (int)value;
                return true;
            }

            if (major != CborMajor.Array && major != CborMajor.Map && major != CborMajor.Tag)
            {
                return true;
            }

            // Every child takes a byte at least, so a larger number cannot be right.
            if (value > left && major != CborMajor.Tag)
            {
                return false;
            }

            ulong children = major == CborMajor.Tag ? 1 : major == CborMajor.Map ? value * 2 : value;
            for (; children > 0; children--)
            {
                if (!TrySkip(depth + 1))
                {
                    return false;
                }
            }

            return true;
        }

        private bool TryReadString(int expected, out int start, out int length)
        {
            bool read = TryReadHead(out int major, out int _, out ulong value)
                && major == expected && value <= (ulong)(_end - _position);
            start = _position;
            length = read ? (int)value : 0;
            _position += length;
            return read;
        }

        private bool TryReadHead(out int major, out int info, out ulong value)
        {
            major = 0;
            info = 0;
            value = 0;
            if (_position == _end)
            {
                return false;
            }

            int first = _buffer[_position++];
            major = first >> 5;
            info = first & 31;
            value = (ulong)info;
            if (info < 24)
            {
                return true;
            }

            int bytes = 1 << (info - 24);
            if (info > 27 || bytes > _end - _position)
            {
                return false;
            }

            value = 0;
            for (int i = 0; i < bytes; i++)
            {
                value = (value << 8) | _buffer[_position++];
            }

            if (major == CborMajor.Simple)
            {
                // Floats, and the simple values that need a byte of their own (RFC 8949 s3.3).
                return bytes > 1 || value >= 32;
            }

            // The shortest form only (RFC 8949 s4.2.1).
            return !_canonical || value >= (bytes == 1 ? 24 : 1UL << (bytes * 4));
        }
    }
}
