using System.Text;

namespace IotPsk.Shared
{
    /// <summary>Reads JSON (RFC 8259) piece by piece. What is not there is not read; after a string or number that is wrong the position is of no more use.</summary>
    internal sealed class JsonReader
    {
        private const int NestingMax = 8;

        private readonly byte[] _buffer;
        private readonly int _end;
        private int _position;

        internal JsonReader(byte[] buffer, int offset, int count)
        {
            _buffer = buffer;
            _position = offset;
            _end = offset + count;
        }

        internal bool IsAtEnd()
        {
            return Peek() < 0;
        }

        /// <summary>Takes a sign of the structure: brackets, colon, comma.</summary>
        internal bool TryTake(char sign)
        {
            if (Peek() != sign)
            {
                return false;
            }

            _position++;
            return true;
        }

        internal bool TryTakeWord(string word)
        {
            Peek();
            if (word.Length > _end - _position)
            {
                return false;
            }

            for (int i = 0; i < word.Length; i++)
            {
                if (_buffer[_position + i] != word[i])
                {
                    return false;
                }
            }

            _position += word.Length;
            return true;
        }

        internal bool TryReadString(out string value)
        {
            value = null;
            if (!TryTake('"'))
            {
                return false;
            }

            var text = new StringBuilder();
            int start = _position;
            while (_position < _end && _buffer[_position] != '"')
            {
                // Control characters have to be escaped (RFC 8259 s7).
                if (_buffer[_position] < 0x20)
                {
                    return false;
                }

                if (_buffer[_position] != '\\')
                {
                    _position++;
                    continue;
                }

                if (!TryAppend(text, start) || !TryReadEscape(text))
                {
                    return false;
                }

                start = _position;
            }

            if (_position == _end || !TryAppend(text, start))
            {
                return false;
            }

            _position++;
            value = text.ToString();
            return true;
        }

        internal bool TryReadNumber(out bool isWhole, out long whole, out double number)
        {
            Peek();
            int start = _position;
            bool isNegative = TryStep('-');
            int digits = _position;
            bool right = TryStep('0') || TryStepDigits();
            isWhole = TryReadInteger(digits, isNegative, out whole);
            if (right && TryStep('.'))
            {
                isWhole = false;
                right = TryStepDigits();
            }

            if (right && (TryStep('e') || TryStep('E')))
            {
                isWhole = false;
                _ = TryStep('+') || TryStep('-');
                right = TryStepDigits();
            }

            number = whole;
            if (!right)
            {
                return false;
            }

            if (!isWhole)
            {
                whole = 0;
                right = double.TryParse(Encoding.UTF8.GetString(_buffer, start, _position - start), out number);
            }

            return right && !double.IsInfinity(number);
        }

        /// <summary>Passes over one value of any kind, nested at most eight deep.</summary>
        internal bool TrySkip()
        {
            return TrySkip(0);
        }

        private bool TrySkip(int depth)
        {
            int next = Peek();
            if (next == '"')
            {
                return TryReadString(out string _);
            }

            if (next != '{' && next != '[')
            {
                return TryTakeWord("true") || TryTakeWord("false") || TryTakeWord("null") || TryReadNumber(out bool _, out long _, out double _);
            }

            char close = next == '{' ? '}' : ']';
            _position++;
            if (depth == NestingMax)
            {
                return false;
            }

            for (bool isFirst = true; !TryTake(close); isFirst = false)
            {
                bool right = (isFirst || TryTake(','))
                    && (close == ']' || (TryReadString(out string _) && TryTake(':')))
                    && TrySkip(depth + 1);
                if (!right)
                {
                    return false;
                }
            }

            return true;
        }

        private int Peek()
        {
            while (_position < _end)
            {
                int c = _buffer[_position];
                if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
                {
                    return c;
                }

                _position++;
            }

            return -1;
        }

        private bool TryAppend(StringBuilder text, int start)
        {
            int count = _position - start;
            if (!Utf8.IsWellFormed(_buffer, start, count, true))
            {
                return false;
            }

            if (count > 0)
            {
                text.Append(Encoding.UTF8.GetString(_buffer, start, count));
            }

            return true;
        }

        private bool TryReadEscape(StringBuilder text)
        {
            if (_end - _position < 2)
            {
                return false;
            }

            char c = (char)_buffer[_position + 1];
            _position += 2;
            switch (c)
            {
                case '"':
                case '\\':
                case '/':
                    break;
                case 'b':
                    c = '\b';
                    break;
                case 'f':
                    c = '\f';
                    break;
                case 'n':
                    c = '\n';
                    break;
                case 'r':
                    c = '\r';
                    break;
                case 't':
                    c = '\t';
                    break;
                case 'u':
                    return TryReadCodeUnits(text);
                default:
                    return false;
            }

            text.Append(c);
            return true;
        }

        // Halves of a surrogate pair come in pairs.
        private bool TryReadCodeUnits(StringBuilder text)
        {
            int unit = ReadHex();
            if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff))
            {
                return false;
            }

            text.Append((char)unit);
            if (unit < 0xd800 || unit > 0xdbff)
            {
                return true;
            }

            if (!TryStep('\\') || !TryStep('u'))
            {
                return false;
            }

            unit = ReadHex();
            text.Append((char)(unit < 0 ? 0 : unit));
            return unit >= 0xdc00 && unit <= 0xdfff;
        }

        private int ReadHex()
        {
            int value = 0;
            for (int i = 0; i < 4; i++)
            {
                int c = _position < _end ? _buffer[_position++] : 0;
                int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
                if (digit < 0)
                {
                    return -1;
                }

                value = (value << 4) | digit;
            }

            return value;
        }

        private bool TryStep(char c)
        {
            if (_position == _end || _buffer[_position] != c)
            {
                return false;
            }

            _position++;
            return true;
        }

        private bool TryStepDigits()
        {
            int start = _position;
            while (_position < _end && _buffer[_position] >= '0' && _buffer[_position] <= '9')
            {
                _position++;
            }

            return _position > start;
        }

        private bool TryReadInteger(int start, bool isNegative, out long value)
        {
            value = 0;
            for (int i = start; i < _position; i++)
            {
                int digit = _buffer[i] - '0';
                // Built up below zero, where there is room for one more.
                if (value < (long.MinValue + digit) / 10)
                {
                    value = 0;
                    return false;
                }

                value = (value * 10) - digit;
            }

            if (!isNegative && value == long.MinValue)
            {
                value = 0;
                return false;
            }

            value = isNegative ? value : -value;
            return true;
        }
    }
}
