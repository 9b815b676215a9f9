using System;
using System.Text;

namespace IotPsk.Shared
{
    /// <summary>
    /// Reads CoAP messages (RFC 7252 s3). One object reads any number of them one after another; it copies nothing, so the
    /// buffer has to stay as it is while the message is looked at.
    /// </summary>
    public sealed class CoapReader
    {
        private CoapType _type;
        private CoapCode _code;
        private int _messageId;
        private int _tokenLength;
        private byte[] _buffer;
        private int _start;
        private int _optionsStart;
        private int _optionsEnd;
        private int _payloadCount;
        private int _payloadOffset;
        private int _next;
        private int _number;
        private int _valueOffset;
        private int _valueLength;

        /// <summary>CON, NON, ACK or RST.</summary>
        public CoapType Type
        {
            get { return _type; }
        }

        /// <summary>The code: empty, request or response.</summary>
        public CoapCode Code
        {
            get { return _code; }
        }

        /// <summary>The message id, 0 to 65535.</summary>
        public int MessageId
        {
            get { return _messageId; }
        }

        /// <summary>The buffer that holds the message.</summary>
        public byte[] Buffer
        {
            get { return _buffer; }
        }

        /// <summary>Where the token begins in the buffer.</summary>
        public int TokenOffset
        {
            get { return _start + CoapWriter.HeaderLength; }
        }

        /// <summary>The length of the token, 0 to 8 bytes.</summary>
        public int TokenLength
        {
            get { return _tokenLength; }
        }

        /// <summary>Where the payload begins in the buffer.</summary>
        public int PayloadOffset
        {
            get { return _payloadOffset; }
        }

        /// <summary>How many bytes of payload there are; 0 if there is none.</summary>
        public int PayloadCount
        {
            get { return _payloadCount; }
        }

        /// <summary>The number of the option just read.</summary>
        public int OptionNumber
        {
            get { return _number; }
        }

        /// <summary>Where its value begins in the buffer.</summary>
        public int OptionOffset
        {
            get { return _valueOffset; }
        }

        /// <summary>How many bytes its value has.</summary>
        public int OptionLength
        {
            get { return _valueLength; }
        }

        /// <summary>Reads a message and checks the whole of its form.</summary>
        /// <param name="buffer">The buffer with the datagram.</param>
        /// <param name="offset">Where it begins.</param>
        /// <param name="count">How many bytes it has.</param>
        /// <returns>
        /// What is wrong with it, or None. Unless the datagram is too short or of another version, <see cref="Type"/>,
        /// <see cref="Code"/> and <see cref="MessageId"/> are there in any case, so that it can be rejected.
        /// </returns>
        /// <exception cref="ArgumentException">The range is not inside the buffer.</exception>
        public CoapFormatError Read(byte[] buffer, int offset, int count)
        {
            if (buffer == null || offset < 0 || count < 0 || offset > buffer.Length - count)
            {
                throw new ArgumentException("The range is not inside the buffer.");
            }

            _buffer = buffer;
            _start = offset;
            _tokenLength = 0;
            _payloadCount = 0;
            _payloadOffset = offset + count;
            _optionsStart = offset + count;
            _optionsEnd = offset + count;
            RewindOptions();
            if (count < CoapWriter.HeaderLength)
            {
                return CoapFormatError.TooShort;
            }

            if (buffer[offset] >> 6 != CoapWriter.Version)
            {
                return CoapFormatError.UnknownVersion;
            }

            _type = (CoapType)((buffer[offset] >> 4) & 3);
            _code = (CoapCode)buffer[offset + 1];
            _messageId = (buffer[offset + 2] << 8) | buffer[offset + 3];
            CoapFormatError error = CheckHeader(buffer[offset] & 15, count);
            if (error != CoapFormatError.None)
            {
                return error;
            }

            _tokenLength = buffer[offset] & 15;
            _optionsStart = offset + CoapWriter.HeaderLength + _tokenLength;
            return CheckOptions();
        }

        /// <summary>Goes back before the first option.</summary>
        public void RewindOptions()
        {
            _next = _optionsStart;
            _number = 0;
            _valueOffset = _optionsStart;
            _valueLength = 0;
        }

        /// <summary>Reads the next option of a message that is well-formed.</summary>
        /// <returns>False if there is none.</returns>
        public bool ReadOption()
        {
            return _next < _optionsEnd && TakeOption(_optionsEnd) == CoapFormatError.None;
        }

        /// <summary>Goes to the first option of a number, wherever the reader stands.</summary>
        /// <param name="number">The option number.</param>
        /// <returns>True if there is one; it is the option just read.</returns>
        public bool FindOption(int number)
        {
            RewindOptions();
            while (ReadOption())
            {
                if (_number >= number)
                {
                    return _number == number;
                }
            }

            return false;
        }

        /// <summary>Takes the value of the option just read as an unsigned integer (RFC 7252 s3.2).</summary>
        /// <param name="value">The integer; zeros may lead.</param>
        /// <returns>True if it has at most 4 bytes.</returns>
        public bool TryGetUInt(out uint value)
        {
            value = 0;
            if (_valueLength > 4)
            {
                return false;
            }

            for (int i = 0; i < _valueLength; i++)
            {
                value = (value << 8) | _buffer[_valueOffset + i];
            }

            return true;
        }

        /// <summary>Takes the value of the option just read as text (RFC 7252 s3.2).</summary>
        /// <param name="value">The text, or null.</param>
        /// <returns>True if it is well-formed UTF-8.</returns>
        public bool TryGetText(out string value)
        {
            value = null;
            if (!Utf8.IsWellFormed(_buffer, _valueOffset, _valueLength, true))
            {
                return false;
            }

            value = _valueLength == 0 ? string.Empty : Encoding.UTF8.GetString(_buffer, _valueOffset, _valueLength);
            return true;
        }

        /// <summary>Tells whether the value of the option just read is a text, without making one of it.</summary>
        /// <param name="ascii">The text, of ASCII characters.</param>
        /// <returns>True if it is byte for byte.</returns>
        public bool IsText(string ascii)
        {
            if (ascii.Length != _valueLength)
            {
                return false;
            }

            for (int i = 0; i < _valueLength; i++)
            {
                if (_buffer[_valueOffset + i] != ascii[i])
                {
                    return false;
                }
            }

            return true;
        }

        private CoapFormatError CheckHeader(int tokenLength, int count)
        {
            if (_code == CoapCode.Empty)
            {
                // An empty message has 4 bytes (s4.1), and NON is never empty (s4.3).
                return count != CoapWriter.HeaderLength || tokenLength != 0 ? CoapFormatError.EmptyWithContent
                    : _type == CoapType.NonConfirmable ? CoapFormatError.NonConfirmableEmpty
                    : CoapFormatError.None;
            }

            if (_type == CoapType.Reset)
            {
                return CoapFormatError.ResetNotEmpty;
            }

            if (!CoapCodes.IsRequest(_code) && !CoapCodes.IsResponse(_code))
            {
                return CoapFormatError.ReservedClass;
            }

            if (_type == CoapType.Acknowledgement && CoapCodes.IsRequest(_code))
            {
                return CoapFormatError.AcknowledgedRequest;
            }

            return tokenLength > CoapWriter.MaxTokenLength ? CoapFormatError.TokenTooLong
                : tokenLength > count - CoapWriter.HeaderLength ? CoapFormatError.TokenTruncated
                : CoapFormatError.None;
        }

        private CoapFormatError CheckOptions()
        {
            int end = _optionsEnd;
            RewindOptions();
            CoapFormatError error = CoapFormatError.None;
            while (_next < end && error == CoapFormatError.None)
            {
                if (_buffer[_next] == CoapWriter.PayloadMarker)
                {
                    _optionsEnd = _next;
                    _payloadOffset = _next + 1;
                    _payloadCount = end - _payloadOffset;
                    error = _payloadCount == 0 ? CoapFormatError.MarkerWithoutPayload : CoapFormatError.None;
                    break;
                }

                error = TakeOption(end);
            }

            RewindOptions();
            return error;
        }

        private CoapFormatError TakeOption(int end)
        {
            int head = _buffer[_next++];
            int delta = head >> 4;
            int length = head & 15;
            if (delta == 15)
            {
                return CoapFormatError.ReservedOptionDelta;
            }

            if (length == 15)
            {
                return CoapFormatError.ReservedOptionLength;
            }

            if (!TryExtend(ref delta, end) || !TryExtend(ref length, end) || length > end - _next)
            {
                return CoapFormatError.OptionTruncated;
            }

            _number += delta;
            _valueOffset = _next;
            _valueLength = length;
            _next += length;
            return _number > CoapWriter.MaxOptionNumber ? CoapFormatError.OptionNumberTooLarge : CoapFormatError.None;
        }

        // 13 and 14 stand for one and two further bytes (s3.1).
        private bool TryExtend(ref int value, int end)
        {
            int bytes = value == 13 ? 1 : value == 14 ? 2 : 0;
            if (bytes > end - _next)
            {
                return false;
            }

            if (bytes == 1)
            {
                value = 13 + _buffer[_next];
            }
            else if (bytes == 2)
            {
                value = 269 + ((_buffer[_next] << 8) | _buffer[_next + 1]);
            }

            _next += bytes;
            return true;
        }
    }
}
