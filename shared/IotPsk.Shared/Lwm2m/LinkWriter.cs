using System;
using System.Text;

namespace IotPsk.Shared
{
    /// <summary>Writes the CoRE link format (RFC 6690 s2).</summary>
    public sealed class LinkWriter
    {
        private readonly StringBuilder _text = new StringBuilder();

        /// <summary>Begins the next link.</summary>
        /// <param name="target">What it points at, for example <c>/3/0</c>.</param>
        /// <exception cref="ArgumentException">The target has a <c>&gt;</c> or a control character in it.</exception>
        public void Add(string target)
        {
            CheckText(target, '>');
            _text.Append(_text.Length == 0 ? "<" : ",<");
            _text.Append(target);
            _text.Append('>');
        }

        /// <summary>Adds an attribute to the link.</summary>
        /// <param name="name">Its name.</param>
        /// <param name="value">Its value; null if it has none.</param>
        /// <exception cref="ArgumentException">There is no link yet, or the name or the value cannot be written.</exception>
        public void AddAttribute(string name, string value)
        {
            bool isName = _text.Length > 0 && name != null && name.Length > 0;
            for (int i = 0; isName && i < name.Length; i++)
            {
                isName = LinkReader.IsNameCharacter(name[i]);
            }

            if (!isName)
            {
                throw new ArgumentException("An attribute belongs to a link and has a name of letters, digits and a few signs (RFC 6690 s2).");
            }

            if (value != null)
            {
                CheckText(value, '\0');
            }

            _text.Append(';');
            _text.Append(name);
            if (value != null)
            {
                _text.Append('=');
                AppendValue(value);
            }
        }

        /// <summary>Gives what was written.</summary>
        /// <returns>The links, in UTF-8.</returns>
        public byte[] ToBytes()
        {
            return Encoding.UTF8.GetBytes(_text.ToString());
        }

        private static void CheckText(string text, char forbidden)
        {
            for (int i = 0; text == null || i < text.Length; i++)
            {
                if (text == null || text[i] < ' ' || text[i] == 0x7f || text[i] == forbidden)
                {
                    throw new ArgumentException("A link has no control characters in it, and its target no '>'.");
                }
            }
        }

        private void AppendValue(string value)
        {
            bool isPlain = value.Length > 0;
            for (int i = 0; isPlain && i < value.Length; i++)
            {
                isPlain = LinkReader.IsValueCharacter(value[i]);
            }

            if (isPlain)
            {
                _text.Append(value);
                return;
            }

            _text.Append('"');
            for (int i = 0; i < value.Length; i++)
            {
                if (value[i] == '"' || value[i] == '\\')
                {
                    _text.Append('\\');
                }

                _text.Append(value[i]);
            }

            _text.Append('"');
        }
    }
}
