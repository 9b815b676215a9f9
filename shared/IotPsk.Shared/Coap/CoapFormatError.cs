namespace IotPsk.Shared
{
    /// <summary>Why a datagram is no well-formed CoAP message.</summary>
    public enum CoapFormatError
    {
        /// <summary>It is well-formed.</summary>
        None = 0,

        /// <summary>Shorter than the header of 4 bytes (RFC 7252 s3).</summary>
        TooShort = 1,

        /// <summary>A version other than 1: to be ignored in silence (RFC 7252 s3).</summary>
        UnknownVersion = 2,

        /// <summary>A token length of 9 to 15 (RFC 7252 s3).</summary>
        TokenTooLong = 3,

        /// <summary>The message ends inside the token.</summary>
        TokenTruncated = 4,

        /// <summary>Code 0.00 with a token or bytes behind the message id (RFC 7252 s4.1).</summary>
        EmptyWithContent = 5,

        /// <summary>A code of class 1, 6 or 7 (RFC 7252 s4.2).</summary>
        ReservedClass = 6,

        /// <summary>A reset that carries a code (RFC 7252 s4.2).</summary>
        ResetNotEmpty = 7,

        /// <summary>An acknowledgement that carries a request (RFC 7252 s4.2).</summary>
        AcknowledgedRequest = 8,

        /// <summary>A non-confirmable message that is empty (RFC 7252 s4.3).</summary>
        NonConfirmableEmpty = 9,

        /// <summary>Option delta 15 outside the payload marker (RFC 7252 s3.1).</summary>
        ReservedOptionDelta = 10,

        /// <summary>Option length 15 (RFC 7252 s3.1).</summary>
        ReservedOptionLength = 11,

        /// <summary>The message ends inside an option.</summary>
        OptionTruncated = 12,

        /// <summary>An option number beyond 65535 (RFC 7252 s12.2).</summary>
        OptionNumberTooLarge = 13,

        /// <summary>A payload marker with nothing behind it (RFC 7252 s3).</summary>
        MarkerWithoutPayload = 14,
    }
}
