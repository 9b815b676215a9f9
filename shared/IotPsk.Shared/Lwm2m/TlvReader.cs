using System;
using System.Text;

namespace IotPsk.Shared
{
    /// <summary>
    /// Reads LwM2M TLV (OMA LwM2M 1.1 s7.4.3), item by item. Items with items inside are read by a second reader over their value.
    /// </summary>
    public sealed class TlvReader
    {
        private readonly byte[] _buffer;
        private readonly int _end;
        private int _position;
        private bool _isMalformed;
        private TlvKind _kind;
        private int _id;
        private int _offset;
        private int _length;

        /// <summary>Reads a range of a buffer.</summary>
        /// <param name="buffer">The buffer.</param>
        /// <param name="offset">Where to begin.</param>
        /// <param name="count">How many bytes there are.</param>
        /// <exception cref="ArgumentException">The range is not inside the buffer.</exception>
        public TlvReader(byte[] buffer, int offset, int count)
        {
            if (buffer == null || offset < 0 || count < 0 || offset > buffer.Length - count)
            {
                throw new ArgumentException("The range is not inside the buffer.");
            }

            _buffer = buffer;
            _position = offset;
            _end = offset + count;
        }

        /// <summary>Whether reading ended because the bytes are no TLV.</summary>
        public bool IsMalformed
        {
            get { return _isMalformed; }
        }

        /// <summary>What the item is.</summary>
        public TlvKind Kind
        {
            get { return _kind; }
        }

        /// <summary>The id of the instance or resource, 0 to 65535.</summary>
        public int Id
        {
            get { return _id; }
        }

        /// <summary>Where the value begins in the buffer.</summary>
        public int Offset
        {
            get { return _offset; }
        }

        /// <summary>How many bytes the value has.</summary>
        public int Length
        {
            get { return _length; }
        }

        /// <summary>Reads the next item.</summary>
        /// <returns>False at the end, and for bytes that are no TLV: see <see cref="IsMalformed"/>.</returns>
        public bool Read()
        {
            if (_position == _end || _isMalformed)
            {
                return false;
            }

            int type = _buffer[_position++];
            int lengthBytes = (type >> 3) & 3;
            _kind = (TlvKind)(type >> 6);
            _isMalformed = !TryTakeNumber((type & 0x20) == 0 ? 1 : 2, out _id) || !TryTakeNumber(lengthBytes, out _length);
            if (!_isMalformed)
            {
                _length = lengthBytes == 0 ? type & 7 : _length;
                _offset = _position;
                _isMalformed = _length > _end - _position;
            }

            _position = _isMalformed ? _position : _offset + _length;
            return !_isMalformed;
        }

        /// <summary>A reader of the items inside the item just read.</summary>
        /// <returns>The reader; for a resource or a resource instance it reads nothing of use.</returns>
        public TlvReader GetItems()
        {
            return new TlvReader(_buffer, _offset, _length);
        }

        /// <summary>Takes the value as a signed integer; times are integers too.</summary>
        /// <param name="value">The integer.</param>
        /// <returns>True if it has 1, 2, 4 or 8 bytes.</returns>
        public bool TryGetInteger(out long value)
        {
            value = 0;
            if (_length != 1 && _length != 2 && _length != 4 && _length != 8)
            {
                return false;
            }

            value = (sbyte)_buffer[_offset];
            for (int i = 1; i < _length; i++)
            {
                value = (value << 8) | _buffer[_offset + i];
            }

            return true;
        }

        /// <summary>Takes the value as a number of IEEE 754.</summary>
        /// <param name="value">The number.</param>
        /// <returns>True if it has 4 or 8 bytes.</returns>
        public bool TryGetFloat(out double value)
        {
            value = 0;
            if ((_length != 4 && _length != 8) || !TryGetInteger(out long bits))
            {
                return false;
            }

            value = _length == 8 ? BitConverter.Int64BitsToDouble(bits) : BitConverter.ToSingle(BitConverter.GetBytes((int)bits), 0);
            return true;
        }

        /// <summary>Takes the value as false or true.</summary>
        /// <param name="value">Which.</param>
        /// <returns>True if it is one byte, 0 or 1.</returns>
        public bool TryGetBoolean(out bool value)
        {
            value = _length == 1 && _buffer[_offset] == 1;
            return _length == 1 && _buffer[_offset] <= 1;
        }

        /// <summary>Takes the value as an object link: an object and one of its instances.</summary>
        /// <param name="objectId">The object, 0 to 65535.</param>
        /// <param name="instanceId">The instance; 65535 with object 65535 is no link.</param>
        /// <returns>True if it has 4 bytes.</returns>
        public bool TryGetObjectLink(out int objectId, out int instanceId)
        {
            objectId = 0;
            instanceId = 0;
            if (_length != 4)
            {
                return false;
            }

            objectId = (_buffer[_offset] << 8) | _buffer[_offset + 1];
            instanceId = (_buffer[_offset + 2] << 8) | _buffer[_offset + 3];
            return true;
        }

        /// <summary>Takes the value as text.</summary>
        /// <param name="value">The text, or null.</param>
        /// <returns>True if it is well-formed UTF-8.</returns>
        public bool TryGetText(out string value)
        {
            value = null;
            if (!Utf8.IsWellFormed(_buffer, _offset, _length, true))
            {
                return false;
            }

            value = _length == 0 ? string.Empty : Encoding.UTF8.GetString(_buffer, _offset, _length);
            return true;
        }

        private bool TryTakeNumber(int bytes, out int value)
        {
            value = 0;
            if (bytes > _end - _position)
            {
                return false;
            }

            for (; bytes > 0; bytes--)
            {
                value = (value << 8) | _buffer[_position++];
            }

            return true;
        }
    }
}
