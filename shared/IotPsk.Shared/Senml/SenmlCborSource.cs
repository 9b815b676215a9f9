namespace IotPsk.Shared
{
    /// <summary>SenML in CBOR (RFC 8428 s6).</summary>
    internal sealed class SenmlCborSource : SenmlSource
    {
        private readonly CborReader _reader;
        private bool _begun;
        private int _records;
        private int _fields;

        internal SenmlCborSource(byte[] buffer, int offset, int count)
        {
            _reader = new CborReader(buffer, offset, count, false);
        }

        internal override bool NextRecord()
        {
            if (!_begun && !_reader.TryReadArray(out _records))
            {
                return Fail(SenmlError.NoPack);
            }

            _begun = true;
            if (IsAtEnd(ref _records))
            {
                return _reader.Remaining > 0 && Fail(SenmlError.Trailing);
            }

            return _reader.TryReadAnyMap(out _fields) || Fail(SenmlError.NoPack);
        }

        internal override bool NextField()
        {
            if (IsAtEnd(ref _fields))
            {
                return false;
            }

            if (_reader.IsTextNext())
            {
                if (!_reader.TryReadText(out string name))
                {
                    return Fail(SenmlError.Syntax);
                }

                Label = SenmlLabel.FromName(name);
                return true;
            }

            if (!_reader.TryReadInt(out long number))
            {
                return Fail(SenmlError.Syntax);
            }

            Label = SenmlLabel.FromNumber(number);
            return true;
        }

        internal override bool TryReadNumber(out bool isWhole, out long whole, out double number)
        {
            return _reader.TryReadNumber(out isWhole, out whole, out number);
        }

        internal override bool TryReadText(out string text)
        {
            return _reader.TryReadText(out text);
        }

        internal override bool TryReadFlag(out bool flag)
        {
            return _reader.TryReadBool(out flag);
        }

        internal override bool TryReadData(out byte[] data)
        {
            return _reader.TryReadBytes(out data);
        }

        internal override bool TrySkip()
        {
            return _reader.TrySkip();
        }

        private bool IsAtEnd(ref int left)
        {
            if (left == CborReader.Indefinite)
            {
                if (!_reader.TryReadBreak())
                {
                    return false;
                }

                // So that it stays at its end.
                left = 0;
                return true;
            }

            return left-- <= 0;
        }
    }
}
