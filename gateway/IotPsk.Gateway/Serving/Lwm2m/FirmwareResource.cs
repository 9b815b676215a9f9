using System.Text;
using IotPsk.Lwm2m.Coap;
using IotPsk.Shared;

namespace IotPsk.Gateway.Serving.Lwm2m;

/// <summary>
/// <c>/fw/FILE</c>: images for devices that fetch them (object 5, package URI), block by block. The blocks are read where they are asked for: 1 KiB of a file that lies in the
/// page cache after its first reader.
/// </summary>
internal sealed class FirmwareResource(Func<FirmwareDirectory?> directory) : ICoapResource
{
    internal const string Path = "/fw";

    public bool Heeds(int number) => number is CoapOption.Block2 or CoapOption.Accept;

    public void Handle(CoapExchange exchange)
    {
        CoapReader request = exchange.Request;
        bool accepts = !request.FindOption(CoapOption.Accept) || (request.TryGetUInt(out uint format) && format == CoapContentFormat.OctetStream);
        if (request.Code != CoapCode.Get)
        {
            exchange.Answer(CoapCode.MethodNotAllowed);
            return;
        }
        if (!accepts)
        {
            exchange.Answer(CoapCode.NotAcceptable);
            return;
        }
        string? name = GetName(exchange);
        using FirmwareImage? image = name is null ? null : directory()?.Open(name);
        if (image is null)
            exchange.Answer(CoapCode.NotFound);
        else
            exchange.AnswerBlock(CoapCode.Content, CoapContentFormat.OctetStream, image.Length, image.Tag, image.Read);
    }

    // What stands behind /fw, if it is one segment.
    private static string? GetName(CoapExchange exchange)
    {
        CoapReader request = exchange.Request;
        string? name = null;
        int segments = 0;
        request.RewindOptions();
        while (request.ReadOption())
        {
            if (request.OptionNumber != CoapOption.UriPath || ++segments <= exchange.PathSegments)
                continue;
            if (name is not null)
                return null;
            name = Encoding.UTF8.GetString(request.Buffer, request.OptionOffset, request.OptionLength);
        }
        return name;
    }
}
