using IotPsk.Lwm2m.Coap;
using IotPsk.Lwm2m.Values;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Management;

/// <summary>
/// <c>/dp</c>: values that a device sends unasked (OMA LwM2M 1.1 s6.4.5). Neither acknowledged nor answered before they are safe; 5.03 where they are not, and the device
/// keeps them.
/// </summary>
/// <param name="shard">Whose devices they are.</param>
public sealed class SendResource(DeviceShard shard) : ICoapResource
{
    /// <summary>The path to map it at.</summary>
    public const string Path = "/dp";

    /// <inheritdoc/>
    public bool Heeds(int number) => number == CoapOption.Block1;

    /// <inheritdoc/>
    public void Handle(CoapExchange exchange)
    {
        ArgumentNullException.ThrowIfNull(exchange);
        CoapReader request = exchange.Request;
        int format = request.FindOption(CoapOption.ContentFormat) && request.TryGetUInt(out uint value) ? (int)value : -1;
        DeviceDirectory directory = shard.Directory;
        if (request.Code != CoapCode.Post)
            exchange.Answer(CoapCode.MethodNotAllowed);
        else if (directory.Find(exchange.Peer.DeviceId) is not { } device)
            exchange.Answer(CoapCode.NotFound, "Register first.");
        else if (format is not (CoapContentFormat.SenmlJson or CoapContentFormat.SenmlCbor))
            exchange.Answer(CoapCode.UnsupportedContentFormat);
        else if (!PayloadReader.TryRead(format, new ObjectPath(-1), exchange.Payload, out List<SenmlRecord> records, out string problem))
            Refuse(exchange, CoapCode.BadRequest, problem);
        else if (!MayBring(device, exchange.Payload.Count))
            Refuse(exchange, CoapCode.TooManyRequests, "More than a device may send.");
        else if (exchange.Hold() is { } deferral)
        {
            long now = exchange.Now;
            shard.Bring(exchange.Peer, ValueSource.Send, records, taken => deferral.Answer(taken ? CoapCode.Changed : CoapCode.ServiceUnavailable, -1, [], now));
        }
    }

    private bool MayBring(ManagedDevice device, int bytes)
    {
        lock (device)
            return device.MayBring(shard.Directory.Now, bytes);
    }

    private void Refuse(CoapExchange exchange, CoapCode code, string problem)
    {
        shard.Directory.Counters.CountRefused();
        shard.Directory.Events?.Refused(exchange.Peer.DeviceId, "What it sends cannot be taken. " + problem);
        exchange.Answer(code, problem);
    }
}
