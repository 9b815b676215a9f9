using IotPsk.Shared;

namespace IotPsk.Lwm2m.Coap;

/// <summary>Answers with what it was sent, for load tests.</summary>
public sealed class EchoResource : ICoapResource
{
    /// <inheritdoc/>
    public bool Heeds(int number) => false;

    /// <inheritdoc/>
    public void Handle(CoapExchange exchange)
    {
        ArgumentNullException.ThrowIfNull(exchange);
        CoapReader request = exchange.Request;
        CoapCode code = request.Code switch
        {
            CoapCode.Get or CoapCode.Fetch => CoapCode.Content,
            CoapCode.Post or CoapCode.Put => CoapCode.Changed,
            _ => CoapCode.MethodNotAllowed,
        };
        CoapWriter writer = exchange.Begin(code);
        if (code == CoapCode.MethodNotAllowed || request.PayloadCount == 0)
            return;
        uint format = 0;
        bool hasFormat = request.FindOption(CoapOption.ContentFormat) && request.TryGetUInt(out format);
        if (hasFormat)
            writer.AddOption(CoapOption.ContentFormat, format);
        if (request.PayloadCount + 1 > writer.Room)
            exchange.Answer(CoapCode.RequestEntityTooLarge);
        else
            writer.WritePayload(request.Buffer, request.PayloadOffset, request.PayloadCount);
    }
}
