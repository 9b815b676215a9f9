using System;
using System.Text;

namespace IotPsk.Shared
{
    /// <summary>SenML in JSON (RFC 8428 s5).</summary>
    internal sealed class SenmlJsonSink : SenmlSink
    {
        private const string Hex = "0123456789abcdef";

        private readonly byte[] _buffer;
        private readonly int _start;
        private readonly int _end;
        private int _position;
        private bool _isFirstRecord = true;
        private bool _isFirstField;

        internal SenmlJsonSink(byte[] buffer, int offset, int count)
        {
            _buffer = buffer;
            _start = offset;
            _position = offset;
            _end = offset + count;
        }

        internal override void BeginPack(int records)
        {
            Put("[");
        }

        internal override int EndPack()
        {
            Put("]");
            return _position - _start;
        }

        internal override void BeginRecord(int fields)
        {
            Put(_isFirstRecord ? "{" : ",{");
            _isFirstRecord = false;
            _isFirstField = true;
        }

        internal override void EndRecord()
        {
            Put("}");
        }

        internal override void PutNumber(int label, double number)
        {
            PutLabel(label);
            Put(number.ToString());
        }

        internal override void PutInteger(int label, long number)
        {
            PutLabel(label);
            Put(number.ToString());
        }

        internal override void PutText(int label, string text)
        {
            PutLabel(label);
            var quoted = new StringBuilder();
            quoted.Append('"');
            for (int i = 0; i < text.Length; i++)
            {
                char c = text[i];
                if (c == '"' || c == '\\')
                {
                    quoted.Append('\\');
                    quoted.Append(c);
                }
                else if (c < ' ')
                {
                    quoted.Append("\\u00");
                    quoted.Append(Hex[c >> 4]);
                    quoted.Append(Hex[c & 15]);
                }
                else
                {
                    quoted.Append(c);
                }
            }

            quoted.Append('"');
            Put(quoted.ToString());
        }

        internal override void PutFlag(int label, bool flag)
        {
            PutLabel(label);
            Put(flag ? "true" : "false");
        }

        internal override void PutData(int label, byte[] data)
        {
            PutLabel(label);
            Put("\"" + Base64Url.Encode(data) + "\"");
        }

        private void PutLabel(int label)
        {
            Put((_isFirstField ? "\"" : ",\"") + SenmlLabel.GetName(label) + "\":");
            _isFirstField = false;
        }

        private void Put(string text)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            if (bytes.Length > _end - _position)
            {
                throw new ArgumentException("The buffer is too small for the SenML pack.");
            }

            Array.Copy(bytes, 0, _buffer, _position, bytes.Length);
            _position += bytes.Length;
        }
    }
}
