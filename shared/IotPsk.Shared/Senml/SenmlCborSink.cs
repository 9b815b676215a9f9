namespace IotPsk.Shared
{
    /// <summary>SenML in CBOR (RFC 8428 s6).</summary>
    internal sealed class SenmlCborSink : SenmlSink
    {
        private readonly CborWriter _writer;

        internal SenmlCborSink(byte[] buffer, int offset, int count)
        {
            _writer = new CborWriter(buffer, offset, count);
        }

        internal override void BeginPack(int records)
        {
            _writer.WriteArray(records);
        }

        internal override int EndPack()
        {
            return _writer.Length;
        }

        internal override void BeginRecord(int fields)
        {
            _writer.WriteMap(fields);
        }

        internal override void EndRecord()
        {
            // A map ends by the number of its entries.
        }

        internal override void PutNumber(int label, double number)
        {
            PutLabel(label);
            _writer.WriteDouble(number);
        }

        internal override void PutInteger(int label, long number)
        {
            PutLabel(label);
            _writer.WriteInt(number);
        }

        internal override void PutText(int label, string text)
        {
            PutLabel(label);
            _writer.WriteText(text);
        }

        internal override void PutFlag(int label, bool flag)
        {
            PutLabel(label);
            _writer.WriteBool(flag);
        }

        internal override void PutData(int label, byte[] data)
        {
            PutLabel(label);
            _writer.WriteBytes(data);
        }

        private void PutLabel(int label)
        {
            if (label == SenmlLabel.ObjectLink)
            {
                _writer.WriteText(SenmlLabel.GetName(label));
            }
            else
            {
                _writer.WriteInt(label);
            }
        }
    }
}
