using System;
using System.Text;

namespace IotPsk.Shared
{
    /// <summary>Writes LwM2M TLV (OMA LwM2M 1.1 s7.4.3) into a buffer of the caller, always in the shortest form.</summary>
    public sealed class TlvWriter
    {
        /// <summary>The largest id.</summary>
        public const int MaxId = 0xffff;

        /// <summary>The longest value, in bytes.</summary>
        public const int MaxLength = 0xffffff;

        // Object instance, multiple resource: nothing nests deeper.
        private const int MaxDepth = 2;

        private readonly byte[] _buffer;
        private readonly int _start;
        private readonly int _end;
        private readonly int[] _open = new int[MaxDepth * 3];
        private int _depth;
        private int _position;

        /// <summary>Writes into a range of a buffer.</summary>
        /// <param name="buffer">The buffer.</param>
        /// <param name="offset">Where to begin.</param>
        /// <param name="count">How many bytes may be used.</param>
        /// <exception cref="ArgumentException">The range is not inside the buffer.</exception>
        public TlvWriter(byte[] buffer, int offset, int count)
        {
            if (buffer == null || offset < 0 || count < 0 || offset > buffer.Length - count)
            {
                throw new ArgumentException("The range is not inside the buffer.");
            }

            _buffer = buffer;
            _start = offset;
            _position = offset;
            _end = offset + count;
        }

        /// <summary>How many bytes were written.</summary>
        public int Length
        {
            get { return _position - _start; }
        }

        /// <summary>Begins an item with items inside.</summary>
        /// <param name="kind">An object instance or a multiple resource.</param>
        /// <param name="id">Its id, 0 to 65535.</param>
        /// <exception cref="ArgumentException">It cannot stand here, or the id is out of range.</exception>
        public void Begin(TlvKind kind, int id)
        {
            bool fits = kind == TlvKind.MultipleResource || (kind == TlvKind.ObjectInstance && _depth == 0);
            if (!fits || _depth == MaxDepth || (_depth > 0 && (TlvKind)_open[(_depth - 1) * 3] != TlvKind.ObjectInstance))
            {
                throw new ArgumentException("Object instances hold resources, and multiple resources hold resource instances (LwM2M 1.1 s7.4.3).");
            }

            CheckId(id);
            _open[_depth * 3] = (int)kind;
            _open[(_depth * 3) + 1] = id;
            _open[(_depth * 3) + 2] = _position;
            _depth++;
        }

        /// <summary>Ends the item that was begun last.</summary>
        /// <exception cref="ArgumentException">There is none, or the buffer is too small.</exception>
        public void End()
        {
            if (_depth == 0)
            {
                throw new ArgumentException("No TLV item is begun.");
            }

            int kind = _open[(_depth - 1) * 3];
            int id = _open[((_depth - 1) * 3) + 1];
            int content = _open[((_depth - 1) * 3) + 2];
            int length = _position - content;
            int header = GetHeaderLength(id, length);
            if (header > _end - _position)
            {
                throw new ArgumentException("The buffer is too small for the TLV item.");
            }

            _depth--;
            // Only now is it known how long the length is.
            for (int i = length - 1; i >= 0; i--)
            {
                _buffer[content + header + i] = _buffer[content + i];
            }

            _position = content;
            PutHeader((TlvKind)kind, id, length);
            _position += length;
        }

        /// <summary>Writes bytes.</summary>
        /// <param name="kind">A resource or a resource instance.</param>
        /// <param name="id">Its id, 0 to 65535.</param>
        /// <param name="value">The array that holds them; null if there are none.</param>
        /// <param name="offset">Where they begin.</param>
        /// <param name="count">How many there are.</param>
        /// <exception cref="ArgumentException">The item cannot stand here, the id is out of range, or the buffer is too small.</exception>
        public void WriteOpaque(TlvKind kind, int id, byte[] value, int offset, int count)
        {
            if (count < 0 || (count > 0 && (value == null || offset < 0 || offset > value.Length - count)))
            {
                throw new ArgumentException("The value is not inside its array.");
            }

            BeginValue(kind, id, count);
            if (count > 0)
            {
                Array.Copy(value, offset, _buffer, _position, count);
                _position += count;
            }
        }

        /// <summary>Writes text in UTF-8.</summary>
        /// <param name="kind">A resource or a resource instance.</param>
        /// <param name="id">Its id, 0 to 65535.</param>
        /// <param name="value">The text.</param>
        /// <exception cref="ArgumentException">See <see cref="WriteOpaque"/>.</exception>
        public void WriteText(TlvKind kind, int id, string value)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(value);
            WriteOpaque(kind, id, bytes, 0, bytes.Length);
        }

        /// <summary>Writes a signed integer, or a time in seconds since 1970.</summary>
        /// <param name="kind">A resource or a resource instance.</param>
        /// <param name="id">Its id, 0 to 65535.</param>
        /// <param name="value">The integer; it takes 1, 2, 4 or 8 bytes.</param>
        /// <exception cref="ArgumentException">See <see cref="WriteOpaque"/>.</exception>
        public void WriteInteger(TlvKind kind, int id, long value)
        {
            int bytes = value == (sbyte)value ? 1 : value == (short)value ? 2 : value == (int)value ? 4 : 8;
            BeginValue(kind, id, bytes);
            PutNumber(value, bytes);
        }

        /// <summary>Writes a number of IEEE 754 with 8 bytes.</summary>
        /// <param name="kind">A resource or a resource instance.</param>
        /// <param name="id">Its id, 0 to 65535.</param>
        /// <param name="value">The number.</param>
        /// <exception cref="ArgumentException">See <see cref="WriteOpaque"/>.</exception>
        public void WriteFloat(TlvKind kind, int id, double value)
        {
            BeginValue(kind, id, 8);
            PutNumber(BitConverter.DoubleToInt64Bits(value), 8);
        }

        /// <summary>Writes false or true.</summary>
        /// <param name="kind">A resource or a resource instance.</param>
        /// <param name="id">Its id, 0 to 65535.</param>
        /// <param name="value">Which.</param>
        /// <exception cref="ArgumentException">See <see cref="WriteOpaque"/>.</exception>
        public void WriteBoolean(TlvKind kind, int id, bool value)
        {
            BeginValue(kind, id, 1);
            _buffer[_position++] = value ? (byte)1 : (byte)0;
        }

        /// <summary>Writes an object link.</summary>
        /// <param name="kind">A resource or a resource instance.</param>
        /// <param name="id">Its id, 0 to 65535.</param>
        /// <param name="objectId">The object, 0 to 65535.</param>
        /// <param name="instanceId">The instance, 0 to 65535.</param>
        /// <exception cref="ArgumentException">See <see cref="WriteOpaque"/>.</exception>
        public void WriteObjectLink(TlvKind kind, int id, int objectId, int instanceId)
        {
            CheckId(objectId);
            CheckId(instanceId);
            BeginValue(kind, id, 4);
            PutNumber(((long)objectId << 16) | (uint)instanceId, 4);
        }

        private static void CheckId(int id)
        {
            if (id < 0 || id > MaxId)
            {
                throw new ArgumentException("An LwM2M id is 0 to 65535.");
            }
        }

        private static int GetHeaderLength(int id, int length)
        {
            return 1 + (id > 0xff ? 2 : 1) + GetLengthBytes(length);
        }

        private static int GetLengthBytes(int length)
        {
            return length < 8 ? 0 : length <= 0xff ? 1 : length <= 0xffff ? 2 : 3;
        }

        private void BeginValue(TlvKind kind, int id, int length)
        {
            bool inMultiple = _depth > 0 && (TlvKind)_open[(_depth - 1) * 3] == TlvKind.MultipleResource;
            // Instances of one resource may stand alone too: the answer to a read of that resource instance (s7.4.3).
            bool fits = inMultiple ? kind == TlvKind.ResourceInstance : kind == TlvKind.Resource || (kind == TlvKind.ResourceInstance && _depth == 0);
            if (!fits)
            {
                throw new ArgumentException("Object instances hold resources, and multiple resources hold resource instances (LwM2M 1.1 s7.4.3).");
            }

            CheckId(id);
            if (length > MaxLength || GetHeaderLength(id, length) + length > _end - _position)
            {
                throw new ArgumentException("The buffer is too small for the TLV item.");
            }

            PutHeader(kind, id, length);
        }

        private void PutHeader(TlvKind kind, int id, int length)
        {
            int lengthBytes = GetLengthBytes(length);
            _buffer[_position++] = (byte)(((int)kind << 6) | (id > 0xff ? 0x20 : 0) | (lengthBytes << 3) | (lengthBytes == 0 ? length : 0));
            PutNumber(id, id > 0xff ? 2 : 1);
            PutNumber(length, lengthBytes);
        }

        private void PutNumber(long value, int bytes)
        {
            for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
            {
                _buffer[_position++] = (byte)(value >> shift);
            }
        }
    }
}
