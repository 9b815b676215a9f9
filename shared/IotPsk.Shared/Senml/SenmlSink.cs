namespace IotPsk.Shared
{
    /// <summary>Where the fields of SenML go: JSON or CBOR.</summary>
    internal abstract class SenmlSink
    {
        internal abstract void BeginPack(int records);

        internal abstract int EndPack();

        internal abstract void BeginRecord(int fields);

        internal abstract void EndRecord();

        internal abstract void PutNumber(int label, double number);

        internal abstract void PutInteger(int label, long number);

        internal abstract void PutText(int label, string text);

        internal abstract void PutFlag(int label, bool flag);

        internal abstract void PutData(int label, byte[] data);
    }
}
