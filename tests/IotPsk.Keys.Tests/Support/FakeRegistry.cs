using System.Diagnostics.CodeAnalysis;

namespace IotPsk.Keys.Tests.Support;

/// <summary>A registry in memory: fleet "gw", epoch 1 active.</summary>
internal sealed class FakeRegistry : IDeviceRegistry
{
    private readonly Dictionary<string, DeviceRecord> _devices = [];

    public event Action<DeviceRecord>? DeviceChanged;

    public event Action<FleetRecord>? FleetChanged;

    public FleetRecord? Fleet { get; private set; } = MakeFleet((1, EpochState.Active));

    public int DeviceCount => _devices.Count;

    public IEnumerable<DeviceRecord> Devices => _devices.Values;

    public static FleetRecord MakeFleet(params (int Number, EpochState State)[] epochs) => new(
        "gw",
        new TpmKeyReference(0x81000001, [0, 11, 1]),
        DateTimeOffset.UnixEpoch,
        epochs.Select(epoch => new EpochRecord(
            epoch.Number, epoch.State, new TpmKeyReference(0x81010000u + (uint)epoch.Number, [0, 11, 2]), [], DateTimeOffset.UnixEpoch)));

    public void SetFleet(FleetRecord? fleet)
    {
        Fleet = fleet;
        if (fleet != null)
            FleetChanged?.Invoke(fleet);
    }

    public bool TryGetDevice(string id, [NotNullWhen(true)] out DeviceRecord? device) => _devices.TryGetValue(id, out device);

    public (DeviceRecord Device, bool IsNew) Enrol(string id, DeviceMode mode = DeviceMode.Derived)
    {
        var isNew = _devices.TryAdd(id, new DeviceRecord(id, mode, DateTimeOffset.UnixEpoch, null, 1));
        return (_devices[id], isNew);
    }

    public int EnrolMany(IEnumerable<string> ids, DeviceMode mode = DeviceMode.Derived, Action<int>? progress = null) =>
        ids.Count(id => Enrol(id, mode).IsNew);

    public (DeviceRecord Device, bool Changed) Revoke(string id) => Change(id, DateTimeOffset.UnixEpoch);

    public (DeviceRecord Device, bool Changed) Reinstate(string id) => Change(id, null);

    private (DeviceRecord Device, bool Changed) Change(string id, DateTimeOffset? revokedAt)
    {
        var device = _devices[id] with { RevokedAt = revokedAt, Generation = _devices[id].Generation + 1 };
        _devices[id] = device;
        DeviceChanged?.Invoke(device);
        return (device, true);
    }

    public Dictionary<string, DeviceKeyRecord> Keys { get; } = [];

    public void EnrolWithKeys(IEnumerable<DeviceKeyRecord> keys)
    {
        foreach (var key in keys)
        {
            Enrol(key.Id, key.Mode);
            Keys[key.Id] = key;
        }
    }

    public DeviceKeyRecord? FindKey(string id) => Keys.GetValueOrDefault(id);

    public void NoteEpoch(string id, int epoch) => _devices[id] = _devices[id] with { LastEpoch = epoch };

    public RekeyVerdict NoteRekey(RekeyRequest request)
    {
        var verdict = RekeyRules.Judge(this, request, DateTimeOffset.UnixEpoch);
        if (verdict == RekeyVerdict.Granted)
            _devices[request.DeviceId] = _devices[request.DeviceId] with { RekeyedAt = DateTimeOffset.UnixEpoch };
        return verdict;
    }

    public void Watch()
    {
    }

    public void Refresh()
    {
    }

    public void Dispose()
    {
    }
}
