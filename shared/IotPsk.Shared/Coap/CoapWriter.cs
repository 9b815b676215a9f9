using System;
using System.Text;

namespace IotPsk.Shared
{
    /// <summary>
    /// Writes CoAP messages (RFC 7252 s3) into a buffer of the caller: header, options in ascending order, payload. One object
    /// writes any number of them one after another.
    /// </summary>
    public sealed class CoapWriter
    {
        /// <summary>The size of the header, in bytes.</summary>
        public const int HeaderLength = 4;

        /// <summary>The longest token, in bytes.</summary>
        public const int MaxTokenLength = 8;

        /// <summary>The largest option number.</summary>
        public const int MaxOptionNumber = 0xffff;

        /// <summary>The longest option value that can be told, in bytes.</summary>
        public const int MaxOptionLength = 0xffff + 269;

        internal const int Version = 1;
        internal const int PayloadMarker = 0xff;

        private byte[] _buffer;
        private int _start;
        private int _position;
        private int _end;
        private int _number;
        private bool _hasPayload;

        /// <summary>How many bytes of the message were written.</summary>
        public int Length
        {
            get { return _position - _start; }
        }

        /// <summary>How many bytes still fit.</summary>
        public int Room
        {
            get { return _end - _position; }
        }

        /// <summary>Writes an empty message: a ping (CON), an acknowledgement or a reset (RFC 7252 s4.1).</summary>
        /// <param name="type">CON, ACK or RST.</param>
        /// <param name="messageId">The message id.</param>
        /// <param name="buffer">Where to write.</param>
        /// <param name="offset">From which byte on.</param>
        /// <returns>4, the bytes written.</returns>
        /// <exception cref="ArgumentException">NON, which is never empty (RFC 7252 s4.3), a wrong message id, or no room.</exception>
        public static int WriteEmpty(CoapType type, int messageId, byte[] buffer, int offset)
        {
            if (type == CoapType.NonConfirmable)
            {
                throw new ArgumentException("A non-confirmable message is never empty (RFC 7252 s4.3).");
            }

            if (buffer == null || offset < 0 || HeaderLength > buffer.Length - offset)
            {
                throw new ArgumentException("The buffer is too small for the CoAP message.");
            }

            PutHeader(type, CoapCode.Empty, messageId, 0, buffer, offset);
            return HeaderLength;
        }

        /// <summary>Begins a request or a response.</summary>
        /// <param name="buffer">Where to write.</param>
        /// <param name="offset">From which byte on.</param>
        /// <param name="count">How many bytes may be used.</param>
        /// <param name="type">CON or NON; ACK for a response.</param>
        /// <param name="code">The code.</param>
        /// <param name="messageId">The message id, 0 to 65535.</param>
        /// <param name="token">The array that holds the token; null if there is none.</param>
        /// <param name="tokenOffset">Where the token begins.</param>
        /// <param name="tokenLength">Its length, 0 to 8 bytes.</param>
        /// <exception cref="ArgumentException">An argument is out of range, or there is no room.</exception>
        public void Begin(byte[] buffer, int offset, int count, CoapType type, CoapCode code, int messageId, byte[] token, int tokenOffset, int tokenLength)
        {
            if (buffer == null || offset < 0 || count < 0 || offset > buffer.Length - count)
            {
                throw new ArgumentException("The range is not inside the buffer.");
            }

            if (type == CoapType.Reset || !(CoapCodes.IsResponse(code) || (CoapCodes.IsRequest(code) && type != CoapType.Acknowledgement)))
            {
                throw new ArgumentException("The type and the code do not fit (RFC 7252 s4.2).");
            }

            if (tokenLength < 0 || tokenLength > MaxTokenLength
                || (tokenLength > 0 && (token == null || tokenOffset < 0 || tokenOffset > token.Length - tokenLength)))
            {
                throw new ArgumentException("The token has 0 to 8 bytes inside its array (RFC 7252 s3).");
            }

            _buffer = buffer;
            _start = offset;
            _position = offset;
            _end = offset + count;
            _number = 0;
            _hasPayload = false;
            Need(HeaderLength + tokenLength);
            PutHeader(type, code, messageId, tokenLength, buffer, offset);
            _position += HeaderLength;
            Put(token, tokenOffset, tokenLength);
        }

        /// <summary>Forgets the message; <see cref="Length"/> is 0 until the next one is begun.</summary>
        public void Reset()
        {
            _buffer = null;
            _position = _start;
        }

        /// <summary>Adds an option.</summary>
        /// <param name="number">Its number, not below that of the option before.</param>
        /// <param name="value">The array that holds its value; null if it is empty.</param>
        /// <param name="offset">Where the value begins.</param>
        /// <param name="length">How many bytes it has.</param>
        /// <exception cref="ArgumentException">The order is wrong, the option has a length it may not have, or there is no room.</exception>
        public void AddOption(int number, byte[] value, int offset, int length)
        {
            if (length > 0 && (value == null || offset < 0 || offset > value.Length - length))
            {
                throw new ArgumentException("The option's value is not inside its array.");
            }

            PutOptionHead(number, length);
            Put(value, offset, length);
        }

        /// <summary>Adds an option without a value.</summary>
        /// <param name="number">Its number, not below that of the option before.</param>
        /// <exception cref="ArgumentException">See <see cref="AddOption(int, byte[], int, int)"/>.</exception>
        public void AddOption(int number)
        {
            PutOptionHead(number, 0);
        }

        /// <summary>Adds an option with an unsigned integer in the shortest form (RFC 7252 s3.2).</summary>
        /// <param name="number">Its number, not below that of the option before.</param>
        /// <param name="value">The integer.</param>
        /// <exception cref="ArgumentException">See <see cref="AddOption(int, byte[], int, int)"/>.</exception>
        public void AddOption(int number, uint value)
        {
            int length = value == 0 ? 0 : value <= 0xff ? 1 : value <= 0xffff ? 2 : value <= 0xffffff ? 3 : 4;
            PutOptionHead(number, length);
            for (int shift = (length - 1) * 8; shift >= 0; shift -= 8)
            {
                _buffer[_position++] = (byte)(value >> shift);
            }
        }

        /// <summary>Adds an option with text in UTF-8.</summary>
        /// <param name="number">Its number, not below that of the option before.</param>
        /// <param name="value">The text.</param>
        /// <exception cref="ArgumentException">See <see cref="AddOption(int, byte[], int, int)"/>.</exception>
        public void AddOption(int number, string value)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(value);
            AddOption(number, bytes, 0, bytes.Length);
        }

        /// <summary>Writes the payload; nothing can follow.</summary>
        /// <param name="payload">The array that holds it.</param>
        /// <param name="offset">Where it begins.</param>
        /// <param name="count">How many bytes it has; with 0 nothing is written (RFC 7252 s3).</param>
        /// <exception cref="ArgumentException">There is a payload already, or no room.</exception>
        public void WritePayload(byte[] payload, int offset, int count)
        {
            if (count < 0 || (count > 0 && (payload == null || offset < 0 || offset > payload.Length - count)))
            {
                throw new ArgumentException("The payload is not inside its array.");
            }

            if (count == 0)
            {
                return;
            }

            CheckOpen();
            Need(1 + count);
            _buffer[_position++] = PayloadMarker;
            Put(payload, offset, count);
            _hasPayload = true;
        }

        private static void PutHeader(CoapType type, CoapCode code, int messageId, int tokenLength, byte[] buffer, int at)
        {
            if (messageId < 0 || messageId > 0xffff)
            {
                throw new ArgumentException("A message id is 0 to 65535 (RFC 7252 s3).");
            }

            buffer[at] = (byte)((Version << 6) | ((int)type << 4) | tokenLength);
            buffer[at + 1] = (byte)code;
            buffer[at + 2] = (byte)(messageId >> 8);
            buffer[at + 3] = (byte)messageId;
        }

        private void PutOptionHead(int number, int length)
        {
            CheckOpen();
            if (number < 1 || number < _number || number > MaxOptionNumber || (number == _number && CoapOption.IsKnown(number) && !CoapOption.IsRepeatable(number)))
            {
                throw new ArgumentException("Options are written in ascending order, repeatable ones alone more than once (RFC 7252 s3.1, s5.4.5).");
            }

            if (length < 0 || length > MaxOptionLength || !CoapOption.IsLengthAllowed(number, length))
            {
                throw new ArgumentException("The CoAP option " + number.ToString() + " cannot have a value of " + length.ToString() + " bytes (RFC 7252 s5.10).");
            }

            int delta = number - _number;
            Need(1 + GetExtensionLength(delta) + GetExtensionLength(length) + length);
            _number = number;
            _buffer[_position++] = (byte)((GetNibble(delta) << 4) | GetNibble(length));
            PutExtension(delta);
            PutExtension(length);
        }

        private static int GetExtensionLength(int value)
        {
            return value < 13 ? 0 : value < 269 ? 1 : 2;
        }

        private static int GetNibble(int value)
        {
            return value < 13 ? value : value < 269 ? 13 : 14;
        }

        private void PutExtension(int value)
        {
            if (value >= 269)
            {
                _buffer[_position++] = (byte)((value - 269) >> 8);
                _buffer[_position++] = (byte)(value - 269);
            }
            else if (value >= 13)
            {
                _buffer[_position++] = (byte)(value - 13);
            }
        }

        private void Put(byte[] bytes, int offset, int count)
        {
            if (count > 0)
            {
                Array.Copy(bytes, offset, _buffer, _position, count);
                _position += count;
            }
        }

        private void CheckOpen()
        {
            if (_buffer == null || _hasPayload)
            {
                throw new ArgumentException(_hasPayload ? "Nothing follows the payload." : "The message is not begun.");
            }
        }

        private void Need(int bytes)
        {
            if (bytes > _end - _position)
            {
                throw new ArgumentException("The buffer is too small for the CoAP message.");
            }
        }
    }
}
