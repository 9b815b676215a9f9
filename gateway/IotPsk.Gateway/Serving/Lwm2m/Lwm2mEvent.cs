using System.Threading.Channels;
using IotPsk.Lwm2m.Registration;
using IotPsk.Shared;

namespace IotPsk.Gateway.Serving.Lwm2m;

/// <summary>What happened to a device.</summary>
internal enum Lwm2mEventKind { Registered, Updated, Deregistered, Expired, Replaced, Revoked, Value }

/// <summary>Something that happened to a device.</summary>
/// <param name="At">When.</param>
/// <param name="DeviceId">To which.</param>
/// <param name="Kind">What.</param>
/// <param name="Registration">The registration it is about; null for values.</param>
/// <param name="Records">The values, with their whole paths as names and their times absolute.</param>
internal sealed record Lwm2mEvent(DateTimeOffset At, string DeviceId, Lwm2mEventKind Kind, DeviceRegistration? Registration, IReadOnlyList<SenmlRecord> Records);

/// <summary>Events for one who listens. Whoever reads too slowly loses the oldest.</summary>
internal sealed class Lwm2mSubscription : IDisposable
{
    private readonly Channel<Lwm2mEvent> _events;
    private readonly Action<Lwm2mSubscription> _end;
    private long _lost;

    private readonly string? _deviceId;

    internal Lwm2mSubscription(int capacity, string? deviceId, Action<Lwm2mSubscription> end)
    {
        _deviceId = deviceId;
        _end = end;
        _events = Channel.CreateBounded<Lwm2mEvent>(new BoundedChannelOptions(capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            _ => Interlocked.Increment(ref _lost));
    }

    /// <summary>The events; ends after <see cref="Dispose"/> and when the gateway stops.</summary>
    internal ChannelReader<Lwm2mEvent> Events => _events.Reader;

    /// <summary>How many were lost.</summary>
    internal long Lost => Volatile.Read(ref _lost);

    internal void Tell(Lwm2mEvent happened)
    {
        if (_deviceId is null || _deviceId == happened.DeviceId)
            _events.Writer.TryWrite(happened);
    }

    public void Dispose()
    {
        _events.Writer.TryComplete();
        _end(this);
    }
}
