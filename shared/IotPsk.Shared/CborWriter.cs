using System;
using System.Text;

namespace IotPsk.Shared
{
    /// <summary>Writes canonical CBOR (RFC 8949 s4.2.1) into a buffer of the caller: definite lengths, shortest forms.</summary>
    /// <remarks>It never grows the buffer, so no copy of a secret is left behind.</remarks>
    public sealed class CborWriter
    {
        private readonly byte[] _buffer;
        private readonly int _start;
        private readonly int _end;
        private int _position;

        /// <summary>Writes into a range of a buffer.</summary>
        /// <param name="buffer">The buffer.</param>
        /// <param name="offset">Where to begin.</param>
        /// <param name="count">How many bytes may be used.</param>
        /// <exception cref="ArgumentException">The range is not inside the buffer.</exception>
        public CborWriter(byte[] buffer, int offset, int count)
        {
            if (buffer == null || offset < 0 || count < 0 || offset > buffer.Length - count)
            {
                throw new ArgumentException("The range is not inside the buffer.");
            }

            _buffer = buffer;
            _start = offset;
            _end = offset + count;
            _position = offset;
        }

        /// <summary>How many bytes were written.</summary>
        public int Length
        {
            get { return _position - _start; }
        }

        /// <summary>Writes an unsigned integer.</summary>
        /// <param name="value">0 or more.</param>
        public void WriteUInt(int value)
        {
            WriteHead(CborMajor.UnsignedInteger, value);
        }

        /// <summary>Writes a byte string.</summary>
        /// <param name="value">Its bytes.</param>
        public void WriteBytes(byte[] value)
        {
            WriteHead(CborMajor.ByteString, value.Length);
            Put(value);
        }

        /// <summary>Writes a text string.</summary>
        /// <param name="value">The text.</param>
        public void WriteText(string value)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(value);
            WriteHead(CborMajor.TextString, bytes.Length);
            Put(bytes);
        }

        /// <summary>Writes false or true.</summary>
        /// <param name="value">Which.</param>
        public void WriteBool(bool value)
        {
            WriteHead(CborMajor.Simple, value ? CborMajor.True : CborMajor.False);
        }

        /// <summary>Writes a signed integer.</summary>
        /// <param name="value">The integer.</param>
        public void WriteInt(long value)
        {
            if (value < 0)
            {
                WriteHead(CborMajor.NegativeInteger, -1 - value);
            }
            else
            {
                WriteHead(CborMajor.UnsignedInteger, value);
            }
        }

        /// <summary>Writes a number of IEEE 754: with 4 bytes if none is lost by that, else with 8.</summary>
        /// <param name="value">The number.</param>
        public void WriteDouble(double value)
        {
            bool isSingle = (double)(float)value == value;
            long bits = isSingle ? BitConverter.ToInt32(BitConverter.GetBytes((float)value), 0) : BitConverter.DoubleToInt64Bits(value);
            int bytes = isSingle ? 4 : 8;
            Need(1 + bytes);
            _buffer[_position++] = (byte)((CborMajor.Simple << 5) | (isSingle ? CborMajor.Single : CborMajor.Double));
            for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
            {
                _buffer[_position++] = (byte)(bits >> shift);
            }
        }

        /// <summary>Begins an array; the caller writes its items.</summary>
        /// <param name="items">How many follow.</param>
        public void WriteArray(int items)
        {
            WriteHead(CborMajor.Array, items);
        }

        /// <summary>Begins a map; the caller writes its entries, keys ascending.</summary>
        /// <param name="entries">How many pairs follow.</param>
        public void WriteMap(int entries)
        {
            WriteHead(CborMajor.Map, entries);
        }

        private void WriteHead(int major, long value)
        {
            if (value < 0)
            {
                throw new ArgumentException("CBOR lengths and unsigned integers are not negative.");
            }

            int bytes = value < 24 ? 0 : value <= 0xff ? 1 : value <= 0xffff ? 2 : value <= 0xffffffff ? 4 : 8;
            Need(1 + bytes);
            int info = bytes == 0 ? (int)value : bytes == 1 ? 24 : bytes == 2 ? 25 : bytes == 4 ? 26 : 27;
            _buffer[_position++] = (byte)((major << 5) | info);
            for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
            {
                _buffer[_position++] = (byte)(value >> shift);
            }
        }

        private void Put(byte[] value)
        {
            Need(value.Length);
            Array.Copy(value, 0, _buffer, _position, value.Length);
            _position += value.Length;
        }

        private void Need(int bytes)
        {
            if (bytes > _end - _position)
            {
                throw new ArgumentException("The buffer is too small for the CBOR item.");
            }
        }
    }
}
