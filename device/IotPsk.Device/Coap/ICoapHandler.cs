namespace IotPsk.Device
{
    /// <summary>Answers the requests that come to a device. Called on the thread that receives; it must not send by the same client.</summary>
    public interface ICoapHandler
    {
        /// <summary>Tells whether a critical option beyond Uri-Host, Uri-Port, Uri-Path and Uri-Query is heeded.</summary>
        /// <param name="number">The number of a critical option.</param>
        /// <returns>True if it is; else the request is refused with 4.02 (RFC 7252 s5.4.1).</returns>
        bool Heeds(int number);

        /// <summary>Answers a request. The same one is never given twice, unless it only reads.</summary>
        /// <param name="exchange">The request and its answer; of use until the call returns.</param>
        void OnRequest(CoapExchange exchange);
    }
}
