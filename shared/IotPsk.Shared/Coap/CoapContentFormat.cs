namespace IotPsk.Shared
{
    /// <summary>Content-Format numbers (RFC 7252 s12.3 and the registry it made).</summary>
    public static class CoapContentFormat
    {
        /// <summary>text/plain;charset=utf-8.</summary>
        public const int Text = 0;

        /// <summary>application/link-format (RFC 6690).</summary>
        public const int LinkFormat = 40;

        /// <summary>application/octet-stream.</summary>
        public const int OctetStream = 42;

        /// <summary>application/json.</summary>
        public const int Json = 50;

        /// <summary>application/cbor (RFC 8949).</summary>
        public const int Cbor = 60;

        /// <summary>application/senml+json (RFC 8428).</summary>
        public const int SenmlJson = 110;

        /// <summary>application/senml+cbor (RFC 8428).</summary>
        public const int SenmlCbor = 112;

        /// <summary>application/senml-etch+json (RFC 8790).</summary>
        public const int SenmlEtchJson = 320;

        /// <summary>application/senml-etch+cbor (RFC 8790).</summary>
        public const int SenmlEtchCbor = 322;

        /// <summary>application/vnd.oma.lwm2m+tlv (OMA LwM2M 1.1 s7.4.3).</summary>
        public const int Lwm2mTlv = 11542;
    }
}
