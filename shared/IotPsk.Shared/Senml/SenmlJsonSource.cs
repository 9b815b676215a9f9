namespace IotPsk.Shared
{
    /// <summary>SenML in JSON (RFC 8428 s5).</summary>
    internal sealed class SenmlJsonSource : SenmlSource
    {
        private readonly JsonReader _reader;
        private bool _begun;
        private bool _isFirstField;

        internal SenmlJsonSource(byte[] buffer, int offset, int count)
        {
            _reader = new JsonReader(buffer, offset, count);
        }

        internal override bool NextRecord()
        {
            bool isFirst = !_begun;
            if (isFirst && !_reader.TryTake('['))
            {
                return Fail(SenmlError.NoPack);
            }

            _begun = true;
            if (_reader.TryTake(']'))
            {
                return !_reader.IsAtEnd() && Fail(SenmlError.Trailing);
            }

            if (!isFirst && !_reader.TryTake(','))
            {
                return Fail(SenmlError.Syntax);
            }

            _isFirstField = true;
            return _reader.TryTake('{') || Fail(SenmlError.NoPack);
        }

        internal override bool NextField()
        {
            bool isFirst = _isFirstField;
            _isFirstField = false;
            if (_reader.TryTake('}'))
            {
                return false;
            }

            if ((!isFirst && !_reader.TryTake(',')) || !_reader.TryReadString(out string name) || !_reader.TryTake(':'))
            {
                return Fail(SenmlError.Syntax);
            }

            Label = SenmlLabel.FromName(name);
            return true;
        }

        internal override bool TryReadNumber(out bool isWhole, out long whole, out double number)
        {
            return _reader.TryReadNumber(out isWhole, out whole, out number);
        }

        internal override bool TryReadText(out string text)
        {
            return _reader.TryReadString(out text);
        }

        internal override bool TryReadFlag(out bool flag)
        {
            flag = _reader.TryTakeWord("true");
            return flag || _reader.TryTakeWord("false");
        }

        internal override bool TryReadData(out byte[] data)
        {
            data = null;
            return _reader.TryReadString(out string text) && Base64Url.TryDecode(text, out data);
        }

        internal override bool TrySkip()
        {
            return _reader.TrySkip();
        }
    }
}
