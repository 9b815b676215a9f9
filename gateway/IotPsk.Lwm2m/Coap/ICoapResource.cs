namespace IotPsk.Lwm2m.Coap;

/// <summary>Answers the requests for a path.</summary>
public interface ICoapResource
{
    /// <summary>
    /// Tells whether the resource heeds a critical option beyond Uri-Host, Uri-Port, Uri-Path and Uri-Query. A request with
    /// one that it does not heed is refused with 4.02 before the resource sees it (RFC 7252 s5.4.1).
    /// </summary>
    /// <param name="number">The number of a critical option, <see cref="IotPsk.Shared.CoapOption"/>.</param>
    /// <returns>True if it does.</returns>
    bool Heeds(int number);

    /// <summary>Answers a request, or puts the answer off. The same request is never given twice, unless it is idempotent.</summary>
    /// <param name="exchange">The request and its answer; of use until the call returns.</param>
    void Handle(CoapExchange exchange);
}
