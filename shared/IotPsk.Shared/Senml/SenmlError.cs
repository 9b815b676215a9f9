namespace IotPsk.Shared
{
    /// <summary>Why a payload is no SenML.</summary>
    public enum SenmlError
    {
        /// <summary>Nothing is wrong so far.</summary>
        None = 0,

        /// <summary>It is no JSON, or no CBOR.</summary>
        Syntax = 1,

        /// <summary>It is no array of maps (RFC 8428 s4, s5, s6).</summary>
        NoPack = 2,

        /// <summary>A field has a value of a wrong type (RFC 8428 s5, s6).</summary>
        FieldType = 3,

        /// <summary>A field stands twice in a record.</summary>
        FieldTwice = 4,

        /// <summary>A record has more than one value (RFC 8428 s4.2).</summary>
        TwoValues = 5,

        /// <summary>A version beyond 10 (RFC 8428 s4.4).</summary>
        UnknownVersion = 6,

        /// <summary>A field that has to be understood is not known: its name ends with an underscore (RFC 8428 s4.4).</summary>
        MustUnderstand = 7,

        /// <summary>A record has no name, or characters in it that a name cannot have (RFC 8428 s4.5.1).</summary>
        Name = 8,

        /// <summary>Something follows the pack.</summary>
        Trailing = 9,
    }
}
