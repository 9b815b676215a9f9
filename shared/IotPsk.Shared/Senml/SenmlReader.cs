using System;

namespace IotPsk.Shared
{
    /// <summary>Reads a SenML pack (RFC 8428), record by record, and works base values into each (s4.6).</summary>
    public sealed class SenmlReader
    {
        private const int MaxVersion = 10;

        private readonly SenmlSource _source;
        private string _baseName = string.Empty;
        private string _baseUnit;
        private double _baseTime;
        private bool _isBaseValueInteger = true;
        private long _baseInteger;
        private double _baseValue;
        private bool _hasBaseSum;
        private double _baseSum;
        private string _name;

        /// <summary>Reads a pack in a range of a buffer.</summary>
        /// <param name="contentFormat"><see cref="CoapContentFormat.SenmlJson"/> or <see cref="CoapContentFormat.SenmlCbor"/>.</param>
        /// <param name="buffer">The buffer.</param>
        /// <param name="offset">Where to begin.</param>
        /// <param name="count">How many bytes there are.</param>
        /// <exception cref="ArgumentException">The format is another, or the range is not inside the buffer.</exception>
        public SenmlReader(int contentFormat, byte[] buffer, int offset, int count)
        {
            if (buffer == null || offset < 0 || count < 0 || offset > buffer.Length - count)
            {
                throw new ArgumentException("The range is not inside the buffer.");
            }

            switch (contentFormat)
            {
                case CoapContentFormat.SenmlJson:
                    _source = new SenmlJsonSource(buffer, offset, count);
                    break;
                case CoapContentFormat.SenmlCbor:
                    _source = new SenmlCborSource(buffer, offset, count);
                    break;
                default:
                    throw new ArgumentException("SenML is read as JSON (110) or CBOR (112).");
            }
        }

        /// <summary>Why reading ended; None at the end of the pack.</summary>
        public SenmlError Error
        {
            get { return _source.Error; }
        }

        /// <summary>Reads the next record.</summary>
        /// <param name="record">Takes its fields.</param>
        /// <returns>False at the end, and for what is no SenML: see <see cref="Error"/>.</returns>
        public bool Read(SenmlRecord record)
        {
            if (Error != SenmlError.None || !_source.NextRecord())
            {
                return false;
            }

            record.Clear();
            _name = string.Empty;
            int seen = 0;
            while (_source.NextField())
            {
                int label = _source.Label;
                if (label >= SenmlLabel.Unknown)
                {
                    // Others' fields are passed over, unless they say that this must not be (s4.4).
                    if (label == SenmlLabel.MustUnderstand)
                    {
                        return _source.Fail(SenmlError.MustUnderstand);
                    }

                    if (!_source.TrySkip())
                    {
                        return _source.Fail(SenmlError.Syntax);
                    }

                    continue;
                }

                int bit = 1 << (label - SenmlLabel.BaseSum);
                if ((seen & bit) != 0)
                {
                    return _source.Fail(SenmlError.FieldTwice);
                }

                seen |= bit;
                if (!(label < SenmlLabel.Name ? ReadBase(label) : ReadField(label, record)))
                {
                    return false;
                }
            }

            return Error == SenmlError.None && Resolve(record);
        }

        private bool ReadBase(int label)
        {
            bool read;
            switch (label)
            {
                case SenmlLabel.BaseName:
                    read = _source.TryReadText(out _baseName);
                    break;
                case SenmlLabel.BaseUnit:
                    read = _source.TryReadText(out _baseUnit);
                    break;
                case SenmlLabel.BaseTime:
                    read = _source.TryReadNumber(out bool _, out long _, out _baseTime);
                    break;
                case SenmlLabel.BaseValue:
                    read = _source.TryReadNumber(out _isBaseValueInteger, out _baseInteger, out _baseValue);
                    break;
                case SenmlLabel.BaseSum:
                    _hasBaseSum = true;
                    read = _source.TryReadNumber(out bool _, out long _, out _baseSum);
                    break;
                default:
                    read = _source.TryReadNumber(out bool isInteger, out long version, out double _) && isInteger && version > 0;
                    if (read && version > MaxVersion)
                    {
                        return _source.Fail(SenmlError.UnknownVersion);
                    }

                    break;
            }

            return read || _source.Fail(SenmlError.FieldType);
        }

        private bool ReadField(int label, SenmlRecord record)
        {
            double number = 0;
            bool read = true;
            switch (label)
            {
                case SenmlLabel.Name:
                    read = _source.TryReadText(out _name);
                    break;
                case SenmlLabel.Unit:
                    read = _source.TryReadText(out string unit);
                    record.Unit = unit;
                    break;
                case SenmlLabel.Sum:
                    read = _source.TryReadNumber(out bool _, out long _, out number);
                    record.HasSum = true;
                    record.Sum = number;
                    break;
                case SenmlLabel.Time:
                    read = _source.TryReadNumber(out bool _, out long _, out number);
                    record.Time = number;
                    break;
                case SenmlLabel.UpdateTime:
                    read = _source.TryReadNumber(out bool _, out long _, out number);
                    record.UpdateTime = number;
                    break;
                default:
                    if (record.Kind != SenmlKind.None)
                    {
                        return _source.Fail(SenmlError.TwoValues);
                    }

                    read = ReadValue(label, record);
                    break;
            }

            return read || _source.Fail(SenmlError.FieldType);
        }

        private bool ReadValue(int label, SenmlRecord record)
        {
            bool read;
            switch (label)
            {
                case SenmlLabel.Value:
                    read = _source.TryReadNumber(out bool isWhole, out long whole, out double number);
                    record.Kind = isWhole ? SenmlKind.WholeNumber : SenmlKind.Number;
                    record.WholeNumber = whole;
                    record.Number = number;
                    return read;
                case SenmlLabel.Flag:
                    read = _source.TryReadFlag(out bool flag);
                    record.Kind = SenmlKind.Flag;
                    record.Flag = flag;
                    return read;
                case SenmlLabel.Data:
                    read = _source.TryReadData(out byte[] data);
                    record.Kind = SenmlKind.Data;
                    record.Data = data;
                    return read;
                default:
                    read = _source.TryReadText(out string text);
                    record.Kind = label == SenmlLabel.ObjectLink ? SenmlKind.ObjectLink : SenmlKind.Text;
                    record.Text = text;
                    return read;
            }
        }

        private bool Resolve(SenmlRecord record)
        {
            record.Name = _baseName + _name;
            if (!SenmlRecord.IsName(record.Name))
            {
                return _source.Fail(SenmlError.Name);
            }

            record.Unit = record.Unit == null ? _baseUnit : record.Unit;
            record.Time += _baseTime;
            record.HasSum |= _hasBaseSum;
            record.Sum += _baseSum;
            if (record.Kind == SenmlKind.WholeNumber || record.Kind == SenmlKind.Number)
            {
                record.Number += _baseValue;
                long sum = record.WholeNumber + _baseInteger;
                // Overflow shows in a sign that neither has.
                bool fits = ((record.WholeNumber ^ sum) & (_baseInteger ^ sum)) >= 0;
                bool isInteger = record.Kind == SenmlKind.WholeNumber && _isBaseValueInteger && fits;
                record.Kind = isInteger ? SenmlKind.WholeNumber : SenmlKind.Number;
                record.WholeNumber = isInteger ? sum : 0;
            }

            return true;
        }
    }
}
