namespace IotPsk.Shared
{
    /// <summary>Where the fields of SenML come from: JSON or CBOR.</summary>
    internal abstract class SenmlSource
    {
        /// <summary>The field just begun, of <see cref="SenmlLabel"/>.</summary>
        internal int Label { get; set; }

        internal SenmlError Error { get; private set; }

        /// <summary>Goes to the next record.</summary>
        /// <returns>False at the end and for an error.</returns>
        internal abstract bool NextRecord();

        /// <summary>Goes to the next field of the record.</summary>
        /// <returns>False if there is none and for an error.</returns>
        internal abstract bool NextField();

        internal abstract bool TryReadNumber(out bool isWhole, out long whole, out double number);

        internal abstract bool TryReadText(out string text);

        internal abstract bool TryReadFlag(out bool flag);

        internal abstract bool TryReadData(out byte[] data);

        internal abstract bool TrySkip();

        internal bool Fail(SenmlError error)
        {
            Error = error;
            return false;
        }
    }
}
