using System;

namespace IotPsk.Shared
{
    /// <summary>Writes a SenML pack (RFC 8428) into a buffer of the caller, as JSON or as CBOR.</summary>
    public sealed class SenmlWriter
    {
        private readonly SenmlSink _sink;
        private readonly int _records;
        private readonly string _baseName;
        private readonly double _baseTime;
        private int _written;

        /// <summary>Begins a pack.</summary>
        /// <param name="contentFormat"><see cref="CoapContentFormat.SenmlJson"/> or <see cref="CoapContentFormat.SenmlCbor"/>.</param>
        /// <param name="buffer">Where to write.</param>
        /// <param name="offset">From which byte on.</param>
        /// <param name="count">How many bytes may be used.</param>
        /// <param name="records">How many records follow.</param>
        /// <param name="baseName">What all names begin with, written once; empty for nothing.</param>
        /// <param name="baseTime">What is taken from all times, written once; 0 for nothing.</param>
        /// <exception cref="ArgumentException">An argument is out of range, or there is no room.</exception>
        public SenmlWriter(int contentFormat, byte[] buffer, int offset, int count, int records, string baseName, double baseTime)
        {
            if (buffer == null || offset < 0 || count < 0 || offset > buffer.Length - count)
            {
                throw new ArgumentException("The range is not inside the buffer.");
            }

            if (records < 0 || baseName == null || (baseName.Length > 0 && !SenmlRecord.IsName(baseName)))
            {
                throw new ArgumentException("A pack has no fewer than 0 records, and names of letters, digits and - : . / _ (RFC 8428 s4.5.1).");
            }

            switch (contentFormat)
            {
                case CoapContentFormat.SenmlJson:
                    _sink = new SenmlJsonSink(buffer, offset, count);
                    break;
                case CoapContentFormat.SenmlCbor:
                    _sink = new SenmlCborSink(buffer, offset, count);
                    break;
                default:
                    throw new ArgumentException("SenML is written as JSON (110) or CBOR (112).");
            }

            _records = records;
            _baseName = baseName;
            _baseTime = baseTime;
            _sink.BeginPack(records);
        }

        /// <summary>Writes the next record.</summary>
        /// <param name="record">The record; its name begins with the base name.</param>
        /// <exception cref="ArgumentException">A field cannot be written, there are too many records, or there is no room.</exception>
        public void Write(SenmlRecord record)
        {
            string name = GetName(record);
            CheckNumbers(record);
            double time = record.Time - _baseTime;
            bool isFirst = _written++ == 0;
            bool hasBaseName = isFirst && _baseName.Length > 0;
            bool hasBaseTime = isFirst && _baseTime != 0;
            int fields = One(hasBaseName) + One(hasBaseTime) + One(name.Length > 0) + One(record.Unit != null) + One(record.Kind != SenmlKind.None)
                + One(record.HasSum) + One(time != 0) + One(record.UpdateTime != 0);
            _sink.BeginRecord(fields);
            if (hasBaseName)
            {
                _sink.PutText(SenmlLabel.BaseName, _baseName);
            }

            if (hasBaseTime)
            {
                PutNumber(SenmlLabel.BaseTime, _baseTime);
            }

            if (name.Length > 0)
            {
                _sink.PutText(SenmlLabel.Name, name);
            }

            if (record.Unit != null)
            {
                _sink.PutText(SenmlLabel.Unit, record.Unit);
            }

            PutValue(record);
            if (record.HasSum)
            {
                PutNumber(SenmlLabel.Sum, record.Sum);
            }

            if (time != 0)
            {
                PutNumber(SenmlLabel.Time, time);
            }

            if (record.UpdateTime != 0)
            {
                PutNumber(SenmlLabel.UpdateTime, record.UpdateTime);
            }

            _sink.EndRecord();
        }

        /// <summary>Ends the pack.</summary>
        /// <returns>How many bytes were written.</returns>
        /// <exception cref="ArgumentException">Records are missing, or there is no room.</exception>
        public int End()
        {
            if (_written != _records)
            {
                throw new ArgumentException("The pack was begun for " + _records.ToString() + " records and has " + _written.ToString() + ".");
            }

            return _sink.EndPack();
        }

        private static int One(bool isThere)
        {
            return isThere ? 1 : 0;
        }

        private static bool IsFinite(double number)
        {
            return !double.IsNaN(number) && !double.IsInfinity(number);
        }

        private static void CheckNumbers(SenmlRecord record)
        {
            // JSON knows no others, and in CBOR they say no more (RFC 8428 s5, s6).
            if (!IsFinite(record.Time) || !IsFinite(record.UpdateTime) || (record.HasSum && !IsFinite(record.Sum))
                || (record.Kind == SenmlKind.Number && !IsFinite(record.Number)))
            {
                throw new ArgumentException("SenML has finite numbers only.");
            }

            bool isMissing = (record.Kind == SenmlKind.Data && record.Data == null)
                || ((record.Kind == SenmlKind.Text || record.Kind == SenmlKind.ObjectLink) && record.Text == null);
            if (isMissing)
            {
                throw new ArgumentException("The record has not the value that it says it has.");
            }
        }

        private string GetName(SenmlRecord record)
        {
            if (_written == _records)
            {
                throw new ArgumentException("The pack was begun for fewer records.");
            }

            if (!SenmlRecord.IsName(record.Name) || !record.Name.StartsWith(_baseName))
            {
                throw new ArgumentException("The name of a record begins with the base name and has letters, digits and - : . / _ in it (RFC 8428 s4.5.1).");
            }

            return record.Name.Substring(_baseName.Length);
        }

        private void PutValue(SenmlRecord record)
        {
            switch (record.Kind)
            {
                case SenmlKind.Number:
                    _sink.PutNumber(SenmlLabel.Value, record.Number);
                    break;
                case SenmlKind.WholeNumber:
                    _sink.PutInteger(SenmlLabel.Value, record.WholeNumber);
                    break;
                case SenmlKind.Text:
                    _sink.PutText(SenmlLabel.Text, record.Text);
                    break;
                case SenmlKind.ObjectLink:
                    _sink.PutText(SenmlLabel.ObjectLink, record.Text);
                    break;
                case SenmlKind.Flag:
                    _sink.PutFlag(SenmlLabel.Flag, record.Flag);
                    break;
                case SenmlKind.Data:
                    _sink.PutData(SenmlLabel.Data, record.Data);
                    break;
                default:
                    break;
            }
        }

        private void PutNumber(int label, double number)
        {
            // Times are whole seconds most of the time.
            long whole = number > -9e15 && number < 9e15 ? (long)number : 0;
            if (whole == number)
            {
                _sink.PutInteger(label, whole);
            }
            else
            {
                _sink.PutNumber(label, number);
            }
        }
    }
}
