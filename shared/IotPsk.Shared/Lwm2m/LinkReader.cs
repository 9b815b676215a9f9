using System;
using System.Text;

namespace IotPsk.Shared
{
    /// <summary>Reads the CoRE link format (RFC 6690 s2), link by link, each attribute by attribute.</summary>
    public sealed class LinkReader
    {
        private readonly string _text;
        private int _position;
        private bool _isMalformed;
        private bool _begun;
        private string _target;
        private string _name;
        private string _value;

        /// <summary>Reads a range of a buffer.</summary>
        /// <param name="buffer">The buffer.</param>
        /// <param name="offset">Where to begin.</param>
        /// <param name="count">How many bytes there are.</param>
        /// <exception cref="ArgumentException">The range is not inside the buffer.</exception>
        public LinkReader(byte[] buffer, int offset, int count)
        {
            if (buffer == null || offset < 0 || count < 0 || offset > buffer.Length - count)
            {
                throw new ArgumentException("The range is not inside the buffer.");
            }

            _isMalformed = !Utf8.IsWellFormed(buffer, offset, count, false);
            _text = _isMalformed || count == 0 ? string.Empty : Encoding.UTF8.GetString(buffer, offset, count);
        }

        /// <summary>Whether reading ended because the text is no link format.</summary>
        public bool IsMalformed
        {
            get { return _isMalformed; }
        }

        /// <summary>What the link points at, for example <c>/3/0</c>.</summary>
        public string Target
        {
            get { return _target; }
        }

        /// <summary>The name of the attribute just read.</summary>
        public string AttributeName
        {
            get { return _name; }
        }

        /// <summary>Its value without quotes; null if it has none.</summary>
        public string AttributeValue
        {
            get { return _value; }
        }

        /// <summary>Goes to the next link; what was not read of the one before is passed over.</summary>
        /// <returns>False at the end, and for text that is no link format: see <see cref="IsMalformed"/>.</returns>
        public bool Read()
        {
            while (_begun && ReadAttribute())
            {
            }

            SkipSpace();
            if (_isMalformed || (_position == _text.Length && !_begun))
            {
                return false;
            }

            if (_begun)
            {
                if (_position == _text.Length)
                {
                    return false;
                }

                if (!Take(','))
                {
                    return Fail();
                }

                SkipSpace();
            }

            _begun = true;
            int end = Take('<') ? _text.IndexOf('>', _position) : -1;
            if (end < 0)
            {
                return Fail();
            }

            _target = _text.Substring(_position, end - _position);
            _position = end + 1;
            return true;
        }

        /// <summary>Reads the next attribute of the link.</summary>
        /// <returns>False if there is none, and for text that is no link format.</returns>
        public bool ReadAttribute()
        {
            SkipSpace();
            if (_isMalformed || !_begun || !Take(';'))
            {
                return false;
            }

            SkipSpace();
            int start = _position;
            while (_position < _text.Length && IsNameCharacter(_text[_position]))
            {
                _position++;
            }

            if (start == _position)
            {
                return Fail();
            }

            _name = _text.Substring(start, _position - start);
            _value = null;
            return !Take('=') || ReadValue();
        }

        private bool ReadValue()
        {
            if (Take('"'))
            {
                return ReadQuoted();
            }

            int start = _position;
            while (_position < _text.Length && IsValueCharacter(_text[_position]))
            {
                _position++;
            }

            _value = _text.Substring(start, _position - start);
            return start < _position || Fail();
        }

        private bool ReadQuoted()
        {
            var value = new StringBuilder();
            while (_position < _text.Length && _text[_position] != '"')
            {
                if (_text[_position] == '\\')
                {
                    _position++;
                }

                if (_position == _text.Length)
                {
                    return Fail();
                }

                value.Append(_text[_position++]);
            }

            _value = value.ToString();
            return Take('"') || Fail();
        }

        private bool Take(char c)
        {
            if (_position == _text.Length || _text[_position] != c)
            {
                return false;
            }

            _position++;
            return true;
        }

        // RFC 6690 has no space here; RFC 5988, on which it stands, lets it be around separators.
        private void SkipSpace()
        {
            while (_position < _text.Length && (_text[_position] == ' ' || _text[_position] == '\t' || _text[_position] == '\r' || _text[_position] == '\n'))
            {
                _position++;
            }
        }

        private bool Fail()
        {
            _isMalformed = true;
            return false;
        }

        // RFC 5987 attr-char, and the star of ext-name-star.
        internal static bool IsNameCharacter(char c)
        {
            return IsAlphanumeric(c) || c == '!' || c == '#' || c == '$' || c == '&' || c == '+' || c == '-' || c == '.'
                || c == '^' || c == '_' || c == '`' || c == '|' || c == '~' || c == '*';
        }

        // ptokenchar: what can stand without quotes.
        internal static bool IsValueCharacter(char c)
        {
            return c > ' ' && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
        }

        private static bool IsAlphanumeric(char c)
        {
            return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        }
    }
}
