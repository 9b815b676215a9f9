using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>What a CoAP server answered.</summary>
    public sealed class CoapResponse
    {
        private readonly CoapCode _code;
        private readonly byte[] _payload;

        internal CoapResponse(CoapCode code, byte[] payload)
        {
            _code = code;
            _payload = payload;
        }

        /// <summary>The code, e.g. 2.05 Content.</summary>
        public CoapCode Code
        {
            get { return _code; }
        }

        /// <summary>The payload, maybe empty.</summary>
        public byte[] Payload
        {
            get { return _payload; }
        }

        /// <summary>Whether the code says success (2.xx).</summary>
        public bool IsSuccess
        {
            get { return (int)_code >> 5 == 2; }
        }
    }
}
