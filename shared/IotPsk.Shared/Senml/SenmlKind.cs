namespace IotPsk.Shared
{
    /// <summary>What the value of a SenML record is (RFC 8428 s4.2).</summary>
    public enum SenmlKind
    {
        /// <summary>There is none: the record has a sum alone, or asks for a value.</summary>
        None = 0,

        /// <summary>A number, in <see cref="SenmlRecord.Number"/>.</summary>
        Number = 1,

        /// <summary>A number without a fraction, in <see cref="SenmlRecord.WholeNumber"/>; on the wire it is a number as well.</summary>
        WholeNumber = 2,

        /// <summary>Text, in <see cref="SenmlRecord.Text"/>.</summary>
        Text = 3,

        /// <summary>False or true, in <see cref="SenmlRecord.Flag"/>.</summary>
        Flag = 4,

        /// <summary>Bytes, in <see cref="SenmlRecord.Data"/>.</summary>
        Data = 5,

        /// <summary>An LwM2M object link as <c>66:0</c>, in <see cref="SenmlRecord.Text"/> (OMA LwM2M 1.1 s7.4.4).</summary>
        ObjectLink = 6,
    }
}
