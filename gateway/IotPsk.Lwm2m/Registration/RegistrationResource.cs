using System.Text;
using IotPsk.Lwm2m.Coap;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Registration;

/// <summary>
/// <c>/rd</c>: register, update, de-register (OMA LwM2M 1.1 s6.2). To be mapped with everything below. A device registers
/// under the name that its handshake proved and no other.
/// </summary>
public sealed class RegistrationResource : ICoapResource
{
    /// <summary>The path to map it at.</summary>
    public const string Path = "/rd";

    // s6.2.1: the lifetime if none is told.
    private const uint DefaultLifetime = 86_400;

    // Each is written down and told to the broker; a device needs one in minutes.
    private const int MostAMinute = 30;

    private readonly RegistrationStore _store;
    private readonly Func<long>? _clock;
    private readonly Action<CoapPeer>? _taken;

    /// <summary>The resource of a store.</summary>
    /// <param name="store">Where the registrations are.</param>
    /// <param name="clock">The clock of the registrations, in milliseconds, where servers have clocks of their own; null for the server's.</param>
    /// <param name="taken">Hears of each registration and update by which peer it came; null for nobody.</param>
    public RegistrationResource(RegistrationStore store, Func<long>? clock = null, Action<CoapPeer>? taken = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        _store = store;
        _clock = clock;
        _taken = taken;
    }

    /// <inheritdoc/>
    public bool Heeds(int number) => number == CoapOption.Block1;

    /// <inheritdoc/>
    public void Handle(CoapExchange exchange)
    {
        ArgumentNullException.ThrowIfNull(exchange);
        bool isBelow = TryGetLocation(exchange, out string? location);
        if (!MayRegister(exchange))
        {
            exchange.Answer(CoapCode.TooManyRequests, "A device registers and updates up to 30 times a minute.");
            return;
        }
        switch (exchange.Request.Code)
        {
            case CoapCode.Post when isBelow && location is null:
                Register(exchange);
                break;
            case CoapCode.Post when isBelow:
                Update(exchange, location!);
                break;
            case CoapCode.Delete when isBelow && location is not null:
                bool removed = _store.Remove(exchange.Peer.DeviceId, location, Now(exchange), RegistrationEnd.Deregistered);
                exchange.Answer(removed ? CoapCode.Deleted : CoapCode.NotFound);
                break;
            default:
                exchange.Answer(isBelow ? CoapCode.MethodNotAllowed : CoapCode.NotFound);
                break;
        }
    }

    private static bool MayRegister(CoapExchange exchange)
    {
        uint minute = (uint)(exchange.Now / 60_000);
        int count = exchange.Peer.Registering.Minute == minute ? exchange.Peer.Registering.Count : 0;
        exchange.Peer.Registering = (minute, Math.Min(count + 1, MostAMinute + 1));
        return count < MostAMinute;
    }

    private void Register(CoapExchange exchange)
    {
        var parameters = new RegistrationParameters();
        if (!parameters.TryRead(exchange.Request, out string problem))
        {
            exchange.Answer(CoapCode.BadRequest, problem);
            return;
        }
        if (parameters.Endpoint is { } endpoint && endpoint != exchange.Peer.DeviceId)
        {
            exchange.Answer(CoapCode.Forbidden, "ep is not the name of the device whose key this is.");
            return;
        }
        if (parameters.Version is not ("1.0" or "1.1"))
        {
            // s6.2.1: an enabler version that the server does not support.
            exchange.Answer(CoapCode.PreconditionFailed, "LwM2M 1.0 and 1.1 are served here.");
            return;
        }
        if (!TryReadObjects(exchange, isRequired: true, out ObjectList? objects))
            return;
        long now = Now(exchange);
        var registration = new DeviceRegistration
        {
            DeviceId = exchange.Peer.DeviceId,
            Location = RegistrationStore.NewLocation(),
            Version = parameters.Version,
            Lifetime = parameters.Lifetime ?? DefaultLifetime,
            IsQueueMode = parameters.IsQueueMode == true,
            Root = objects!.Root,
            Objects = objects.Objects,
            ContentFormats = objects.ContentFormats,
            RegisteredAt = now,
            UpdatedAt = now,
        };
        _store.Register(registration);
        _taken?.Invoke(exchange.Peer);
        CoapWriter writer = exchange.Begin(CoapCode.Created);
        CoapPath.AddLocation(writer, Path + "/" + registration.Location);
    }

    private void Update(CoapExchange exchange, string location)
    {
        var parameters = new RegistrationParameters();
        if (!parameters.TryRead(exchange.Request, out string problem))
        {
            exchange.Answer(CoapCode.BadRequest, problem);
            return;
        }
        if (!TryReadObjects(exchange, isRequired: false, out ObjectList? objects))
            return;
        bool updated = _store.Update(exchange.Peer.DeviceId, location, Now(exchange), before => before with
        {
            Lifetime = parameters.Lifetime ?? before.Lifetime,
            IsQueueMode = parameters.IsQueueMode ?? before.IsQueueMode,
            Root = objects?.Root ?? before.Root,
            Objects = objects?.Objects ?? before.Objects,
            ContentFormats = objects?.ContentFormats ?? before.ContentFormats,
        });
        if (updated)
            _taken?.Invoke(exchange.Peer);
        exchange.Answer(updated ? CoapCode.Changed : CoapCode.NotFound);
    }

    private long Now(CoapExchange exchange) => _clock?.Invoke() ?? exchange.Now;

    // Null objects with true: there is no list, and none is needed.
    private static bool TryReadObjects(CoapExchange exchange, bool isRequired, out ObjectList? objects)
    {
        objects = null;
        CoapReader request = exchange.Request;
        ArraySegment<byte> list = exchange.Payload;
        if (list.Count == 0)
        {
            if (isRequired)
                exchange.Answer(CoapCode.BadRequest, "The list of objects is missing.");
            return !isRequired;
        }
        if (request.FindOption(CoapOption.ContentFormat) && (!request.TryGetUInt(out uint format) || format != CoapContentFormat.LinkFormat))
        {
            exchange.Answer(CoapCode.UnsupportedContentFormat);
            return false;
        }
        objects = new ObjectList();
        if (objects.TryRead(list.Array!, list.Offset, list.Count, out string problem))
            return true;
        exchange.Answer(CoapCode.BadRequest, problem);
        return false;
    }

    // False if the path goes deeper than a location does.
    private static bool TryGetLocation(CoapExchange exchange, out string? location)
    {
        location = null;
        CoapReader request = exchange.Request;
        int segments = 0;
        request.RewindOptions();
        while (request.ReadOption())
        {
            if (request.OptionNumber != CoapOption.UriPath || ++segments <= exchange.PathSegments)
                continue;
            if (location is not null)
                return false;
            location = Encoding.UTF8.GetString(request.Buffer, request.OptionOffset, request.OptionLength);
        }
        return true;
    }
}
