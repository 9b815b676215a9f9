using IotPsk.Lwm2m;
using IotPsk.Lwm2m.Coap;
using IotPsk.Lwm2m.Management;
using IotPsk.Lwm2m.Registration;
using IotPsk.Shared;

namespace IotPsk.Device.Tests.Support;

/// <summary>The gateway's own LwM2M server at the other end of a virtual link, on the device's clock: no network, no thread.</summary>
internal sealed class ServerLab : ICoapChannel, IMessageChannel, IDeviceEvents, IRegistrationEvents
{
    internal const string DeviceId = "node-1";
    private readonly FakeClock _clock;
    private readonly Queue<byte[]> _toDevice = new();
    private readonly Queue<Action> _posted = new();
    private readonly DeviceShard _shard;
    private readonly Random _random = new(11);
    private CoapPeer _peer;

    internal ServerLab(FakeClock clock, DirectoryOptions? options = null)
    {
        _clock = clock;
        Directory = new DeviceDirectory(() => _clock.Now, new DirectoryOptions { Events = this, Observe = options?.Observe ?? [] });
        Store = new RegistrationStore(this);
        _shard = new DeviceShard(Directory, (peer, action) =>
        {
            _posted.Enqueue(() =>
            {
                if (peer.IsOpen)
                    action();
            });
            return true;
        });
        Server = new CoapServer(this, new CoapServerOptions { Notifications = _shard, Random = new Random(3), OnFailure = e => throw new InvalidOperationException("the server failed", e) });
        _shard.Server = Server;
        Server.Map(SendResource.Path, new SendResource(_shard));
        Server.Map(RegistrationResource.Path, new RegistrationResource(Store, () => _clock.Now), andBelow: true);
        _peer = Open();
    }

    internal CoapServer Server { get; }

    internal DeviceDirectory Directory { get; }

    internal RegistrationStore Store { get; }

    /// <summary>What the device brought, a line each.</summary>
    internal List<string> Values { get; } = [];

    internal List<string> Registrations { get; } = [];

    internal List<string> Refusals { get; } = [];

    /// <summary>Whether values are safe at once; else they are not taken.</summary>
    internal bool Takes { get; set; } = true;

    /// <summary>One of so many datagrams is lost in each direction; 0: none.</summary>
    internal int LosesOneOf { get; set; }

    internal bool IsDead { get; set; }

    /// <summary>After so many datagrams of the device; 0: never.</summary>
    internal int DiesAfter { get; set; }

    internal int Datagrams { get; private set; }

    /// <summary>A new association: the server knows nothing of the old one.</summary>
    internal void Reconnect()
    {
        DeviceShard.Detach(_peer);
        Server.Close(_peer);
        _toDevice.Clear();
        _peer = Open();
        _shard.Attach(_peer);
        Work();
    }

    internal List<Lwm2mAnswer> Ask(Lwm2mVerb verb, string path, Func<Lwm2mOperation, Lwm2mOperation>? more = null)
    {
        var answers = new List<Lwm2mAnswer>();
        Assert.True(ObjectPath.TryParse(path, out ObjectPath parsed));
        Lwm2mOperation operation = Lwm2mOperation.At(verb, parsed);
        Directory.Ask(DeviceId, more?.Invoke(operation) ?? operation, answers.Add);
        Work();
        return answers;
    }

    void IMessageChannel.Send(byte[] buffer, int offset, int count)
    {
        Datagrams++;
        IsDead |= DiesAfter > 0 && --DiesAfter == 0;
        if (IsDead || IsLost())
            return;
        Server.Receive(_peer, buffer.AsSpan(offset, count), _clock.Now);
        _shard.Heard(_peer);
        Work();
    }

    int IMessageChannel.Receive(byte[] buffer, int timeout)
    {
        long end = _clock.Now + timeout;
        while (true)
        {
            Work();
            if (_toDevice.TryDequeue(out byte[]? message))
            {
                message.CopyTo(buffer, 0);
                return message.Length;
            }
            long next = Math.Min(end, Server.Deadline);
            if (next > _clock.Now)
                _clock.Advance(next - _clock.Now);
            Server.Tick(_clock.Now);
            Work();
            Directory.Expire();
            Store.Expire(_clock.Now);
            if (_clock.Now >= end && _toDevice.Count == 0)
                return -1;
        }
    }

    void ICoapChannel.Send(CoapPeer peer, ReadOnlySpan<byte> message)
    {
        if (peer == _peer && !IsDead && !IsLost())
            _toDevice.Enqueue(message.ToArray());
    }

    void IDeviceEvents.Received(string deviceId, ValueSource source, IReadOnlyList<SenmlRecord> records, Action<bool> taken)
    {
        if (Takes)
            Values.AddRange(records.Select(r => FormattableString.Invariant($"{source} {r.Name}={(r.Kind == SenmlKind.Text ? r.Text : r.Number)}@{r.Time}")));
        taken(Takes);
    }

    void IDeviceEvents.Refused(string deviceId, string problem) => Refusals.Add(problem);

    void IDeviceEvents.ObservationsChanged(string deviceId)
    {
    }

    void IRegistrationEvents.Registered(DeviceRegistration registration)
    {
        Registrations.Add("registered " + string.Join(' ', registration.Objects.Select(o => o.Path)) + (registration.IsQueueMode ? " Q" : ""));
        Directory.Registered(registration);
        _shard.Attach(_peer);
    }

    void IRegistrationEvents.Updated(DeviceRegistration registration, DeviceRegistration before)
    {
        Registrations.Add($"updated {registration.Lifetime}");
        Directory.Updated(registration);
    }

    void IRegistrationEvents.Ended(DeviceRegistration registration, RegistrationEnd reason)
    {
        Registrations.Add(reason.ToString());
        if (reason != RegistrationEnd.Replaced)
            Directory.Ended(registration.DeviceId);
    }

    // A device takes records of 512 bytes.
    private CoapPeer Open()
    {
        CoapPeer peer = Server.Open(DeviceId, null);
        peer.MaxMessageSize = 512;
        return peer;
    }

    private bool IsLost() => LosesOneOf > 0 && _random.Next(LosesOneOf) == 0;

    private void Work()
    {
        _shard.Work(_clock.Now);
        while (_posted.TryDequeue(out Action? action))
        {
            action();
            _shard.Work(_clock.Now);
        }
    }
}
