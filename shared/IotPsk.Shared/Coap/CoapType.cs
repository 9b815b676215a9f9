namespace IotPsk.Shared
{
    /// <summary>The types of CoAP messages (RFC 7252 s3).</summary>
    public enum CoapType
    {
        /// <summary>CON: the other side acknowledges or rejects it (s4.2).</summary>
        Confirmable = 0,

        /// <summary>NON: nothing is to be heard of it (s4.3).</summary>
        NonConfirmable = 1,

        /// <summary>ACK: a confirmable message arrived; it may carry the response (s5.2.1).</summary>
        Acknowledgement = 2,

        /// <summary>RST: a message arrived that cannot be processed (s4.2).</summary>
        Reset = 3,
    }
}
